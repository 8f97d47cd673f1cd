/** What flags take, and what they do not. */
import { describe, expect, it } from "vitest"
import { parseBudget, parseBytes, parseCount, parseSize, parseThreads, parseWindow } from "./flags.ts"
import { checkStore, defaultStore } from "./store-place.ts"

describe("values of flags", () => {
  it("are sizes with units of 1024", () => {
    const read = ["1", "512b", "2k", "512M", "8G", "1.5g", "1TiB", "3kb"].map(parseBytes)
    expect(read).toEqual([1, 512, 2_048, 512 * 2 ** 20, 8 * 2 ** 30, 1.5 * 2 ** 30, 2 ** 40, 3_072])
    for (const wrong of ["", "0", "-1", "1.5.2", "G", "1 G", "many", "9".repeat(30), "0.1"]) {
      expect(() => parseBytes(wrong)).toThrow("Expected a number of bytes")
    }
    expect([parseBudget("none"), parseBudget("1k")]).toEqual([{ bytes: null }, { bytes: 1_024 }])
  })

  it("are counts, windows and sizes of images", () => {
    expect([parseCount("7"), parseThreads("1024")]).toEqual([7, 1_024])
    for (const wrong of ["0", "1e3", "", "-2", "1.5"]) expect(() => parseCount(wrong)).toThrow("whole number from 1")
    expect(() => parseThreads("1025")).toThrow("from 1 to 1024")
    expect([parseWindow("-5,2.5"), parseSize("8x9x2048")]).toEqual([{ low: -5, high: 2.5 }, [8, 9, 2_048]])
    for (const wrong of ["1", "2,1", "1,1", "a,b", ",", "1,2,3"]) expect(() => parseWindow(wrong)).toThrow("black")
    for (const wrong of ["9x9", "7x9x9", "9x9x2049", "9x-9x9"]) expect(() => parseSize(wrong)).toThrow("from 8 to 2048")
  })

  it("are stores, by default in the user's cache folder", () => {
    expect(defaultStore({ XDG_CACHE_HOME: "/caches" })).toBe("file:/caches/imgql/store")
    // One that is not absolute does not count, by the convention.
    expect(defaultStore({ XDG_CACHE_HOME: "caches" })).toMatch(/^file:\/.*\/\.cache\/imgql\/store$/)
    for (const url of ["memory:", "memory:x", "file:x", "file:/x"]) expect(() => checkStore(url)).not.toThrow()
    for (const url of ["", "file:", "x", "redis://x"]) expect(() => checkStore(url)).toThrow("--store takes")
    expect(() => checkStore("http://x")).not.toThrow("did you mean")
  })
})
