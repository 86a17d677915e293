/** Where a device stays signed in: in the browser, or for as long as the page is open where that keeps nothing. */

import { browserCredentials, type CredentialStore } from "@tiebreak/client"
import type { Keeping } from "./boot.js"

export function credentialsOf(name: string, keeping: Keeping): CredentialStore {
  return keeping === "stored" ? browserCredentials(name) : new MemoryCredentials()
}

class MemoryCredentials implements CredentialStore {
  #credentials: string | null = null

  async load(): Promise<string | null> {
    return this.#credentials
  }

  async save(credentials: string): Promise<void> {
    this.#credentials = credentials
  }

  async erase(): Promise<void> {
    this.#credentials = null
  }
}
