import { open } from "holdfast"

const hf = await open("memory:")
const log: string[] = []
const work = (what: string) => () => log.push(what)

await hf.lock("user:42").run(({ token }) => log.push(`token ${token}`), { waitMs: 5_000 })
await hf.lock("docs").shared({ limit: 20 }).run(work("read"))
await hf.lock(["a", "b"]).run(work("moved from a to b"))
await hf.semaphore("analyses", 10).run(work("analyzed"), { permits: 2 })

const grant = await hf.lock("printer").acquire()
const busy = await hf.lock("printer").try() // a value, not an error: somebody has it
log.push(busy === undefined ? "busy" : "free")
await grant.release()

console.log(log.join(", ")) // prints token 1, read, moved from a to b, analyzed, busy
await hf.close()
