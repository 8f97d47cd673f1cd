/** What the keeper says to its clients, and what it hears, as data; the wire encodes it. */
import type {
  Command,
  ErrorCode,
  ErrorDetails,
  Outcome,
  SessionHolding,
  SessionId,
  StoreEvent,
  Transition,
} from "../../../kernel/index.ts"
import type { AdminAnswer, AdminOrder } from "./admin.ts"

/** What a client asks and says once it is welcome. */
export type ClientMessage =
  /** `isAgain` says that it was sent to an earlier keeper or on an earlier connection already (S4). */
  | { readonly kind: "request"; readonly sequence: number; readonly isAgain: boolean; readonly command: Command }
  /** Every outcome up to this one was received. */
  | { readonly kind: "acknowledge"; readonly through: number }
  | { readonly kind: "observe"; readonly on: boolean }
  /** Every wait of the session was asked for anew: it is back (L7). */
  | { readonly kind: "returned"; readonly session: SessionId }
  /** Asked by whoever looks after the store, on no session's behalf. */
  | { readonly kind: "administer"; readonly sequence: number; readonly order: AdminOrder }

export type ClientRequest = Extract<ClientMessage, { readonly kind: "request" }>

/** What the keeper answers and tells. */
export type KeeperMessage =
  | { readonly kind: "outcome"; readonly sequence: number; readonly outcome: Exclude<Outcome, { kind: "need" }> }
  /** The request was not applied, or its outcome cannot be told. */
  | {
      readonly kind: "fault"
      readonly sequence: number
      readonly code: ErrorCode
      readonly message: string
      readonly details: ErrorDetails
    }
  | { readonly kind: "event"; readonly event: StoreEvent }
  | { readonly kind: "transition"; readonly transition: Transition }
  | { readonly kind: "administered"; readonly sequence: number; readonly answer: AdminAnswer }
  /** The first of a connection: what sessions of the client, opened on earlier ones, hold by now. */
  | {
      readonly kind: "restored"
      readonly sessions: readonly { readonly session: SessionId; readonly holding: SessionHolding }[]
    }

/** The other end of one connection. */
export interface Peer {
  /** The client's own name, the same on every connection it makes. */
  readonly client: string
  /** True in the keeper's own process: it does not outlive the keeper, so nothing of it is written down. */
  readonly isLocal: boolean
  send(message: KeeperMessage): void
  /** Ends the connection; the client makes another and goes on where it was. */
  disconnect(): void
}
