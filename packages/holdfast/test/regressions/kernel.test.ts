/** Promises of the kernel that a planted bug once broke without any other test noticing. */
import { expect, it } from "vitest"
import { primitiveKey } from "../../src/kernel/index.ts"
import { specOf } from "../exploration/scope.ts"
import { Driver, refusal } from "../kernel/driver.ts"

it("nothing comes to a session that is ending, not even what its own grants were in the way of (L4, L6)", () => {
  const d = new Driver()
  d.grant("s1", "a")
  d.park("s1", "a")
  const next = d.park("s2", "a")
  d.events()
  d.end("s1")
  expect(d.events()).toMatchObject([{ kind: "lockGranted", session: "s2", request: next }])
})

it("a claim is no grant: releasing its token is refused, and its run goes on (L5, O1)", () => {
  const d = new Driver()
  const claim = d.claim("s1", specOf("job", "1"))
  expect(refusal(d.release("s1", claim.token), "GRANT_LOST")).toContain("only the grant itself releases")
  expect(d.complete("s1", claim.token)).toMatchObject({ status: "completed" })
})

it("crashes are counted in a row: an attempt that timed out in between counts anew (O6)", () => {
  const d = new Driver(["s1", "s2", "s3", "s4", "s5"])
  const job = specOf("job", "1", {
    attemptTimeoutMs: 100,
    retry: { maxAttempts: 9, initialMs: 0, factor: 1, maxMs: 0 },
  })
  const run = d.enqueue("s5", job)
  const attempt = (session: string): void => {
    d.openWorker(session, 1, ["job"])
    expect(d.take(session, 1)).toMatchObject({ kind: "claimed" })
  }
  for (const session of ["s1", "s2"]) {
    attempt(session)
    d.end(session)
  }
  attempt("s3")
  d.pass(100)
  attempt("s4")
  d.end("s4")
  expect(d.await("s5", run)).toMatchObject({ kind: "joined" })
})

it("the in-process key of arguments tells -0 from 0, as their identity does (O7)", () => {
  expect(primitiveKey([-0])).not.toBe(primitiveKey([0]))
  expect(primitiveKey([1, -0])).not.toBe(primitiveKey([1, 0]))
})
