/** What the page asks the server over HTTP beside what the client does. */

import type { DocumentId } from "@automerge/automerge-repo/slim"
import type { Account } from "@tiebreak/client"
import type { GroupRole } from "./device.js"

/** More than a visitor of the demo has. */
const DOCUMENTS_MAX = 1_000

/** As the person is called: the username where the server does not say. */
export async function displayNameOf(account: Account): Promise<string> {
  const { display_name: name } = (await ask("account", account)) as { display_name?: string }
  return name || account.username
}

/** What the account may do with a group. A list is asked first: that a group is not there is no failure. */
export async function groupRoleOf(account: Account, group: string): Promise<GroupRole> {
  const { items } = (await ask(`documents?limit=${DOCUMENTS_MAX}`, account)) as { items: { id: string }[] }
  if (!items.some(({ id }) => id === group)) return "none"
  const grants = await account.grants(group as DocumentId)
  return grants.find(grant => grant.account === account.id)?.role ?? "none"
}

async function ask(path: string, account: Account): Promise<unknown> {
  const token = await account.getToken({ reason: "initial" })
  if (token === null) throw new Error("this device is signed out")
  const response = await fetch(`/v1/${path}`, { headers: { authorization: `Bearer ${token}` }, cache: "no-store" })
  if (!response.ok) throw new Error(`the server answered with ${response.status}`)
  return response.json()
}
