/** The store as it is published: run from its sources, each of its threads would start a loader before anything else. */
type Embedded = typeof import("../../src/stores/embedded/client/connect.ts")

const built = new URL("../../dist/stores/embedded/client/connect.js", import.meta.url)

// Built from that very file.
export const { connectFolder } = (await import(built.href)) as Embedded
