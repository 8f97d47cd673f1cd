/** A Redis of its own on the loopback that flushes every write before it answers. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { serveOrders } from "../durable/orders.ts"
import { freePort } from "./engine.mjs"

const [folder] = process.argv.slice(2)
const port = await freePort()
const flags = ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder, "--save", ""]
const server = spawn("redis-server", [...flags, "--appendonly", "yes", "--appendfsync", "always"], {
  stdio: ["ignore", "pipe", "inherit"],
})
const exited = once(server, "exit")
process.on("exit", () => server.kill("SIGKILL"))
server.on("error", () => {
  console.error("redis-server is not installed: apt-get install redis-server")
  process.exit(1)
})
for await (const chunk of server.stdout) if (String(chunk).includes("Ready to accept connections")) break
server.stdout.resume()

async function stop() {
  server.kill("SIGTERM")
  await exited
}

serveOrders({ address: () => `redis://127.0.0.1:${port}`, stop }, stop)
