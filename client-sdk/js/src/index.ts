export { Account } from "./account/account.js"
export type {
  AccountOptions,
  DeviceInfo,
  Grant,
  Invitation,
  InvitationOptions,
  Role,
  SignInOptions,
  SignUpOptions,
} from "./account/account.js"
export { browserCredentials } from "./account/browser_credentials.js"
export type { CredentialStore } from "./account/credentials.js"
export type { Conflict, ConflictCandidate, ConflictType, Resolution } from "./conflicts/conflict.js"
export { TiebreakError } from "./errors.js"
export type { RefusedChange, SyncError, TiebreakErrorCode } from "./errors.js"
export type { Listeners, Subscription } from "./listeners.js"
export type { Logger } from "./logger.js"
export { TiebreakNetworkAdapter } from "./network_adapter.js"
export type { NetworkAdapterOptions, WebSocketConstructor } from "./network_options.js"
export type { ConnectionState, SyncStatus } from "./status.js"
export { Tiebreak } from "./tiebreak.js"
export type { TiebreakOptions } from "./options.js"
export type { GetToken, TokenReason } from "./token.js"
export type { WaitOptions } from "./wait.js"
export type { ServerFrame, ServerPeer } from "./wire.js"
