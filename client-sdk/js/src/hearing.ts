import type { Documents } from "./documents.js"
import type { RefusedChange } from "./errors.js"
import { syncMessageHeads } from "./wire.js"
import type { ServerFrame } from "./wire.js"

/** The code of the refusal that no later try changes. */
const DOCUMENT_DELETED = "document_deleted"
/** The code for whoever may not even know that the document is there: the server says next that it is unavailable. */
const ACCESS_DENIED = "access_denied"

/** What a message of the server says about the documents. */
export function hear(frame: ServerFrame, documents: Documents, refuse: (refused: RefusedChange) => void): void {
  if (frame.kind === "durable") documents.announce(frame.documentId, frame.heads)
  else if (frame.kind === "more") documents.expectMore(frame.documentId, frame.heads)
  else if (frame.kind === "refused") {
    const { documentId, code, detail } = frame.refused
    if (code === DOCUMENT_DELETED) documents.deletedOnServer(documentId)
    else if (code === ACCESS_DENIED) documents.deny(documentId, detail)
    else documents.refuse(documentId, detail)
    refuse(frame.refused)
  } else if (frame.kind === "repo") {
    const { type, documentId, data } = frame.message
    if (!documentId) return
    // Tiebreak names no head before it is durable. Of another server this is all that can be known.
    if (type === "sync" && data) documents.receivePart(documentId, syncMessageHeads(data))
    else if (type === "doc-unavailable") documents.unavailable(documentId)
  }
}
