import type { SyncError } from "./errors.js"

export type ConnectionState =
  | { readonly kind: "offline" } // disconnect() was called, or not connected yet
  | { readonly kind: "connecting"; readonly attempt: number }
  | { readonly kind: "connected" }
  | { readonly kind: "waiting"; readonly retryInMs: number; readonly attempt: number }
  | { readonly kind: "unauthorized"; readonly reason: string }
  | { readonly kind: "rejected"; readonly code: number; readonly reason: string }

/** An immutable snapshot of how far this device and the server agree. */
export interface SyncStatus {
  readonly state: ConnectionState
  readonly uploading: boolean
  readonly downloading: boolean
  /** Documents with changes that the server has not said to be durable. */
  readonly pendingDocuments: number
  /** Changes that the server has not said to be durable: never 0 while anything could still be lost with this device. */
  readonly pendingChanges: number
  /** Those of `pendingChanges` whose documents were deleted on the server: they go nowhere, and no wait waits for them. */
  readonly deletedChanges: number
  /** When device and server were last seen to have the same, in milliseconds since the Unix epoch. */
  readonly lastSyncedAt: number | null
  /** Whether that was so at least once since this client was opened. */
  readonly hasSynced: boolean
  /** What went wrong last; null again when everything has come into sync. */
  readonly lastError: SyncError | null
}

/** What the status needs to know of one document. */
export interface DocumentProgress {
  readonly pendingChanges: number
  /** Waiting is in vain: the server does not take a change of it, or it cannot be read here. */
  readonly isStuck: boolean
  /** The server has deleted it, and takes nothing of it ever again. */
  readonly isDeleted: boolean
  /** The server has changes that this device lacks, or has not answered on this connection. */
  readonly isBehind: boolean
}

export const INITIAL_STATUS: SyncStatus = Object.freeze<SyncStatus>({
  state: { kind: "offline" },
  uploading: false,
  downloading: false,
  pendingDocuments: 0,
  pendingChanges: 0,
  deletedChanges: 0,
  lastSyncedAt: null,
  hasSynced: false,
  lastError: null,
})

/** Whether nothing connects until somebody calls `connect()`. */
export function isStopped({ kind }: ConnectionState): boolean {
  return kind === "offline" || kind === "unauthorized" || kind === "rejected"
}

export interface StatusFacts {
  readonly state: ConnectionState
  readonly documents: readonly DocumentProgress[]
  readonly lastError: SyncError | null
  readonly nowMs: number
}

/** The next status; the previous object itself if nothing has changed. */
export function nextStatus(previous: SyncStatus, { state, documents, lastError, nowMs }: StatusFacts): SyncStatus {
  const isConnected = state.kind === "connected"
  const pending = documents.filter(document => document.pendingChanges > 0)
  const downloading = isConnected && documents.some(document => document.isBehind)
  const isInSync = isConnected && pending.length === 0 && !downloading
  const wasInSync = isSettled(previous)
  const next: SyncStatus = {
    state,
    uploading: isConnected && pending.some(document => !document.isStuck),
    downloading,
    pendingDocuments: pending.length,
    pendingChanges: changesOf(pending),
    deletedChanges: changesOf(pending.filter(document => document.isDeleted)),
    // Set when that comes and when it goes: in between, they have the same at every moment.
    lastSyncedAt: isInSync !== wasInSync ? nowMs : previous.lastSyncedAt,
    hasSynced: previous.hasSynced || isInSync,
    lastError: isInSync && !wasInSync ? null : lastError,
  }
  return isSame(previous, next) ? previous : Object.freeze(next)
}

/** Whether device and server have the same of all that the server has not deleted: nothing is left to wait for. */
export function isSyncOver(status: SyncStatus): boolean {
  return status.state.kind === "connected" && !isUploadLeft(status) && !status.downloading
}

/** Whether anything is pending that the server may take yet. */
export function isUploadLeft(status: SyncStatus): boolean {
  return status.pendingChanges > status.deletedChanges
}

/** Whether device and server have the same, as far as anybody can tell. */
function isSettled(status: SyncStatus): boolean {
  return status.state.kind === "connected" && status.pendingChanges === 0 && !status.downloading
}

function changesOf(documents: readonly DocumentProgress[]): number {
  return documents.reduce((sum, document) => sum + document.pendingChanges, 0)
}

function isSame(one: SyncStatus, other: SyncStatus): boolean {
  const keys = Object.keys(one) as (keyof SyncStatus)[]
  // States and errors are made anew for each event, so that identity tells whether there was one.
  return keys.every(key => one[key] === other[key])
}
