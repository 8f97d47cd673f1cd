/** Branded ids: a session's id and a token are different things even where both are numbers or strings. */

/** Names one opener of a store. Chosen by the opener, unguessable, never used twice. */
export type SessionId = string & { readonly brand: "SessionId" }

/** Names one request of a session that can wait. Chosen by the session, never used twice by it. */
export type RequestId = number & { readonly brand: "RequestId" }

/** Fencing token of a grant or claim. All tokens of a store come from one strictly increasing sequence (L2). */
export type Token = number & { readonly brand: "Token" }

/** Names one worker (a set of operations and its slots) of a session. Chosen by the session. */
export type WorkerId = number & { readonly brand: "WorkerId" }

/** Names one run: the identity and its generation, as `IDENTITY@GENERATION`. */
export type RunId = string & { readonly brand: "RunId" }
