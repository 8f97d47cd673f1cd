/**
 * What the generator of commands knows of a store, gathered from what the model said: which sessions, requests, tokens,
 * runs and workers there are, so that most commands make sense.
 */
import type { Command, Outcome, RequestId, RunId, SessionId, StoreEvent, Token } from "../../src/kernel/index.ts"

/** A session the generator opened, and what became of what it asked. */
export interface KnownSession {
  readonly id: SessionId
  /** The connection it was opened on. */
  readonly link: number
  requests: number
  /** Requests that may still be answered, and watches. */
  readonly pending: Set<RequestId>
  readonly grants: Set<Token>
  readonly claims: Set<Token>
}

export class Knowledge {
  /** Open sessions. */
  readonly sessions: KnownSession[] = []
  /** Every token seen, live or not, newest last. */
  readonly tokens: Token[] = []
  readonly runs: RunId[] = []
  readonly versions = new Map<string, number>()
  #opened = 0

  nextSession(): SessionId {
    this.#opened += 1
    return `session-${String(this.#opened)}` as SessionId // Brand constructor.
  }

  session(id: SessionId): KnownSession | undefined {
    return this.sessions.find((session) => session.id === id)
  }

  forgetSession(id: SessionId): void {
    const at = this.sessions.findIndex((session) => session.id === id)
    if (at !== -1) this.sessions.splice(at, 1)
  }

  /** Learns from a command and what the model made of it. */
  learn(command: Command, outcome: Outcome, link: number): void {
    if (command.kind === "advanceTime" || command.kind === "evictRuns") return
    if (command.kind === "openSession" && outcome.kind === "done") {
      this.sessions.push({
        id: command.session,
        link,
        requests: 0,
        pending: new Set(),
        grants: new Set(),
        claims: new Set(),
      })
    }
    if (command.kind === "endSession") this.forgetSession(command.session)
    const session = this.session(command.session)
    if (session === undefined) return
    if ("request" in command) {
      session.requests = Math.max(session.requests, command.request)
      if (WAITING.has(outcome.kind)) session.pending.add(command.request)
      if (outcome.kind === "withdrawn") session.pending.delete(command.request)
    }
    if ("token" in command) {
      session.grants.delete(command.token)
      if (command.kind !== "reportProgress") session.claims.delete(command.token)
    }
    this.#learnOutcome(session, outcome)
  }

  #learnOutcome(session: KnownSession, outcome: Outcome): void {
    if (outcome.kind === "granted") this.#see(session.grants, outcome.token)
    if (outcome.kind === "claimed") {
      this.#see(session.claims, outcome.claim.token)
      this.#seeRun(outcome.claim.run)
    }
    if (outcome.kind === "enqueued" || outcome.kind === "joined") this.#seeRun(outcome.run)
    if (outcome.kind === "committed") {
      for (const { name, version } of outcome.versions) this.versions.set(name, version)
      for (const { run } of outcome.starts) this.#seeRun(run)
    }
  }

  /** Learns from an event. */
  hear(event: StoreEvent): void {
    const session = this.session(event.session)
    if (session === undefined) return
    if (event.kind === "lockGranted") this.#see(session.grants, event.token)
    if (event.kind === "runAssigned") this.#see(session.claims, event.claim.token)
    if (ANSWERS.has(event.kind) && "request" in event) session.pending.delete(event.request)
  }

  #see(tokens: Set<Token>, token: Token): void {
    tokens.add(token)
    this.tokens.push(token)
  }

  #seeRun(run: RunId): void {
    if (!this.runs.includes(run)) this.runs.push(run)
  }
}

const WAITING: ReadonlySet<string> = new Set(["parked", "joined", "claimed", "cells", "run"])
const ANSWERS: ReadonlySet<string> = new Set(["lockGranted", "requestRefused", "runSettled"])
