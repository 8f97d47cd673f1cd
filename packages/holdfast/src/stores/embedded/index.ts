/** What the layers above use of the embedded store. */
export { connectFolder } from "./client/connect.ts"
