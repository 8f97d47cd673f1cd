/** What the keeper and its clients use of the wire. */
export { type Channel, type ChannelEvents, portChannel, socketChannel } from "./channel.ts"
export { encodeFrames, FrameSplitter, MAX_REQUEST_BYTES, MAX_REQUEST_PAYLOAD_BYTES } from "./frame.ts"
export {
  type ClientMessage,
  decodeClientPayload,
  decodeKeeperPayload,
  decodeOutcome,
  encodeClientMessage,
  encodeKeeperMessage,
  encodeOutcome,
  type KeeperMessage,
  PROTOCOL,
  type StandbyWord,
} from "./message.ts"
