/** What the layers above use of the embedded store. */
export { connectFolder } from "./client/connect.ts"
export { keepStore, type KeepStoreOptions } from "./admin/keep-store.ts"
export { BUILD } from "./host/build.ts"
export { KeeperLine } from "./admin/keeper-line.ts"
export { reportStore, type StorePicture } from "./admin/report-store.ts"
