import type { StorageAdapterInterface } from "@automerge/automerge-repo/slim"
import type { Account } from "./account/account.js"
import type { DecideConflict } from "./conflicts/conflict_resolver.js"
import type { NetworkAdapterOptions } from "./network_options.js"
import type { GetToken } from "./token.js"

export interface TiebreakOptions extends NetworkAdapterOptions {
  /** Who is signed in, in place of `getToken`. */
  readonly account?: Pick<Account, "getToken" | "signOut">
  /** Where documents are kept on this device; without it they live as long as this object. */
  readonly storage?: StorageAdapterInterface
  /** How long `find` waits for the server, the first connection too; 15 seconds unless told. */
  readonly findMs?: number
  /** Decides conflicts before people are asked: once for each version, three at most. Null leaves it to people. */
  readonly conflictResolver?: DecideConflict
}

/** Where the connection's tokens come from, if from anywhere. */
export function tokensOf({ account, getToken }: TiebreakOptions): { getToken?: GetToken } {
  const source = account?.getToken ?? getToken
  return source ? { getToken: source } : {}
}
