import { interpretAsDocumentId, isValidAutomergeUrl, parseAutomergeUrl } from "@automerge/automerge-repo/slim"
import type { AnyDocumentId, DocumentId } from "@automerge/automerge-repo/slim"
import { messageOf, TiebreakError } from "./errors.js"

export function documentIdOf(id: AnyDocumentId): DocumentId {
  try {
    return isValidAutomergeUrl(id) ? parseAutomergeUrl(id).documentId : interpretAsDocumentId(id)
  } catch (cause) {
    throw new TiebreakError("invalid_id", messageOf(cause), { cause })
  }
}
