/** Bugs in what is done for large values: their files, what names them, who needs them, and what is copied of them. */
import { plantIn, type Mutant } from "../mutant.ts"

const EMBEDDED = "src/stores/embedded"

export const BLOB_MUTANTS: readonly Mutant[] = [
  ...plantIn(
    "stores/embedded/blobs/blob-folder.ts",
    [`${EMBEDDED}/blobs/blob-folder.test.ts`],
    [
      { id: "blob-named-before-it-is-flushed", invariants: ["S3"], find: "        await file.sync()\n", replace: "" },
      {
        id: "blob-told-before-its-name-is-flushed",
        invariants: ["S3"],
        find: "await rename(path, this.pathOf(blob.digest))\n    await this.#flushFolderOf(blob.digest)",
        replace: "await rename(path, this.pathOf(blob.digest))",
      },
      {
        id: "blob-of-another-told-before-its-name-is-flushed",
        invariants: ["S3"],
        find: "if (await this.#isIntact(blob)) await this.#flushFolderOf(blob.digest)",
        replace: "if (await this.#isIntact(blob)) return blob",
      },
      {
        id: "blob-held-after-it-has-its-name",
        invariants: ["S3"],
        find: "await announce(blob)\n      await this.#place(path, blob)",
        replace: "await this.#place(path, blob)\n      await announce(blob)",
      },
      {
        id: "blob-read-without-its-digest",
        invariants: ["S2"],
        find: `if (hash.digest("hex") !== blob.digest) throw this.#damaged(blob, "holds other bytes")`,
        replace: "",
      },
      {
        id: "blob-streamed-before-it-is-verified",
        invariants: ["S2"],
        find: "      await this.#verify(file, blob)\n",
        replace: "",
      },
      {
        id: "blob-damaged-and-not-written-again",
        invariants: ["S2"],
        find: "return this.has(blob) && (await this.findFault(blob)) === null",
        replace: "return this.has(blob)",
      },
      {
        id: "blob-half-written-is-left",
        invariants: ["S5"],
        find: "      await rm(path, { force: true })\n",
        replace: "",
      },
      {
        id: "blob-put-back-over-a-whole-one",
        invariants: ["S2"],
        find: "if (statSync(this.pathOf(digest), { throwIfNoEntry: false }) !== undefined) return",
        replace: "",
      },
    ],
  ),
  ...plantIn(
    "stores/embedded/blobs/blob-reference.ts",
    [`${EMBEDDED}/blobs/blob-reference.test.ts`],
    [
      {
        id: "reference-forgets-what-its-value-refers-to",
        invariants: ["S3"],
        find: "content: [digest, byteLength, references]",
        replace: "content: [digest, byteLength, references.slice(references.length)]",
      },
    ],
  ),
  ...plantIn(
    "stores/embedded/keeper/blob-care.ts",
    [`${EMBEDDED}/keeper/blob-care.test.ts`],
    [
      {
        id: "care-removes-what-a-session-holds",
        invariants: ["S3"],
        find: "for (const session of this.#holders.get(digest) ?? []) if (this.#options.isOpen(session)) return true",
        replace: "",
      },
      {
        id: "care-removes-what-a-request-names",
        invariants: ["S3"],
        find: "if (this.#underWay.has(digest)) return true",
        replace: "",
      },
      {
        id: "care-removes-what-is-being-copied",
        invariants: ["S2"],
        find: "    if (this.#pausers.size > 0) return\n",
        replace: "",
      },
      {
        id: "care-takes-a-request-whose-file-is-gone",
        invariants: ["S3"],
        find: "return named.find((blob) => !this.#options.files.has(blob)) ?? null",
        replace: "return null",
      },
      {
        id: "care-removes-what-the-living-write",
        invariants: ["S3"],
        find: "if (!isAlive(client)) files.removeTemporary(name)",
        replace: "if (client !== undefined || isAlive(client)) files.removeTemporary(name)",
      },
      {
        id: "care-evicts-beyond-the-budget",
        invariants: ["O9"],
        find: "      if (surplus <= 0) break\n",
        replace: "",
      },
    ],
  ),
  ...plantIn(
    "stores/embedded/keeper/kept-state.ts",
    [`${EMBEDDED}/keeper/large-values.test.ts`],
    [
      {
        id: "keeper-keeps-a-budget-that-did-not-fit",
        invariants: ["S5"],
        find: "    this.blobs?.rollBack()\n",
        replace: "",
      },
    ],
  ),
  ...plantIn(
    "stores/embedded/keeper/keeper.ts",
    [`${EMBEDDED}/keeper/large-values.test.ts`],
    [
      {
        id: "keeper-holds-files-for-who-is-gone",
        invariants: ["S3"],
        find: "      state.blobs?.resume(connection)\n",
        replace: "",
      },
    ],
  ),
  ...plantIn(
    "stores/embedded/journal/blob-index.ts",
    [`${EMBEDDED}/journal/blob-index.test.ts`],
    [
      {
        id: "index-evicts-what-was-asked-for-last",
        invariants: ["O9"],
        find: "WHERE is_evictable = 1 ORDER BY used_at LIMIT ?",
        replace: "WHERE is_evictable = 1 ORDER BY used_at DESC LIMIT ?",
      },
      {
        id: "index-evicts-what-cells-need",
        invariants: ["O9"],
        find: "return { digest, bytes: byteLength, isEvictable: false }",
        replace: "return { digest, bytes: byteLength, isEvictable: true }",
      },
    ],
  ),
  ...plantIn(
    "stores/embedded/journal/writer.ts",
    [`${EMBEDDED}/journal/blob-index.test.ts`],
    [
      {
        id: "index-written-in-a-transaction-of-its-own",
        invariants: ["S3"],
        find: "    this.#blobs.putCell(name, row)\n",
        replace:
          "    this.#blobs.putCell(name, row)\n    this.#statements.commit.run()\n    this.#statements.begin.run()\n",
      },
    ],
  ),
  ...plantIn(
    "kernel/run-view.ts",
    [`${EMBEDDED}/journal/blob-index.test.ts`],
    [
      {
        id: "eviction-of-a-pinned-result",
        invariants: ["O9"],
        find: `row.effects === "pure" && !row.pinned`,
        replace: `row.effects === "pure"`,
      },
      {
        id: "eviction-of-what-cannot-be-made-again",
        invariants: ["O9", "O10"],
        find: `row.effects === "pure" && !row.pinned`,
        replace: `!row.pinned`,
      },
    ],
  ),
  ...plantIn(
    "stores/embedded/client/send-order.ts",
    [`${EMBEDDED}/client/send-order.test.ts`],
    [
      {
        id: "commit-overtakes-the-one-before-it",
        invariants: ["S4"],
        find: "if (!item.isWriting && this.#waiting.every(",
        replace: "if (!item.isWriting || this.#waiting.every(",
      },
      {
        id: "release-overtakes-the-commit-under-it",
        invariants: ["L8"],
        find: "return !tokensOf(before).includes(command.token)",
        replace: "return tokensOf(before).length >= 0",
      },
    ],
  ),
  ...plantIn(
    "stores/embedded/client/lanes.ts",
    [`${EMBEDDED}/client/lanes.test.ts`],
    [
      {
        id: "news-overtake-a-large-value",
        invariants: ["C4"],
        find: "last === undefined ? tell() : last.then(tell)",
        replace: "last === null ? last : tell()",
      },
    ],
  ),
  ...plantIn(
    "stores/embedded/admin/linked-blobs.ts",
    [`${EMBEDDED}/admin/linked-blobs.test.ts`],
    [
      {
        id: "copy-of-a-store-that-holds-nothing",
        invariants: ["S2"],
        find: `    await keeper?.ask({ kind: "holdFiles" })\n`,
        replace: "",
      },
      {
        id: "copy-without-what-has-gone",
        invariants: ["S2"],
        find: `if (systemCode(error) === "ENOENT") return { kind: "missing", blob }`,
        replace: `if (systemCode(error) === "ENOENT") continue`,
      },
    ],
  ),
]
