/** What the keeper and its clients use of the wire. */
export { encodeFrames, FrameSplitter, MAX_ENCODED_BYTES, MAX_FRAME_BYTES, MAX_PAYLOAD_BYTES } from "./frame.ts"
export {
  type ClientMessage,
  decodeClientPayload,
  decodeKeeperPayload,
  encodeClientMessage,
  encodeKeeperMessage,
  type KeeperMessage,
  PROTOCOL,
} from "./message.ts"
