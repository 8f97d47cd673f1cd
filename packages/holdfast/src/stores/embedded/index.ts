/** What the layers above use of the embedded store. */
export { connectFolder } from "./client/connect.ts"
export { keepStore, type KeepStoreOptions } from "./admin/keep-store.ts"
export { BUILD } from "./host/build.ts"
