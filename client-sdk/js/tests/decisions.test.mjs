import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { backoffMs } from "../dist/backoff.js"
import { afterClose } from "../dist/close_policy.js"
import { INITIAL_STATUS, nextStatus } from "../dist/status.js"
import { onWakeUp } from "../dist/wake_ups.js"

describe("the wait before another try", () => {
  const limits = { minMs: 100, maxMs: 1_000 }
  const waits = random => [0, 1, 2, 3, 4, 50].map(failures => backoffMs(failures, limits, () => random))

  test("doubles its upper bound with each failure, up to the maximum", () => {
    assert.deepEqual(waits(0.9999999), [100, 200, 400, 800, 1_000, 1_000])
  })

  test("is drawn from the whole range, the first one too", () => {
    assert.deepEqual(waits(0.5), [50, 100, 200, 400, 500, 500])
    assert.deepEqual(waits(0), [0, 0, 0, 0, 0, 0])
  })
})

describe("a close code", () => {
  test("4401 asks for a new token once, then stops", () => {
    assert.deepEqual(afterClose(4401, "expired", true), { kind: "refresh" })
    assert.deepEqual(afterClose(4401, "expired", false), {
      kind: "stop",
      state: { kind: "unauthorized", reason: "expired" },
    })
  })

  test("of the 44xx stops", () => {
    for (const code of [4400, 4403, 4413, 4429, 4499]) {
      const state = { kind: "rejected", code, reason: "no" }
      assert.deepEqual(afterClose(code, "no", true), { kind: "stop", state })
    }
  })

  test("of any other kind means to come back later", () => {
    for (const code of [1000, 1001, 1006, 1012, 4000, 4399, 4500, 4503, 4507]) {
      assert.deepEqual(afterClose(code, "", true), { kind: "retry" })
    }
  })
})

describe("the status", () => {
  const connected = { kind: "connected" }
  const synced = { pendingChanges: 0, isStuck: false, isBehind: false }
  const from = (previous, facts) => nextStatus(previous, { documents: [], lastError: null, nowMs: 1_000, ...facts })

  test("stays the same object while nothing changes", () => {
    const status = from(INITIAL_STATUS, { state: connected, documents: [synced] })
    assert.equal(from(status, { state: connected, documents: [synced, synced], nowMs: 2_000 }), status)
    assert.ok(Object.isFrozen(status))
  })

  test("sums up what is pending", () => {
    const documents = [synced, { ...synced, pendingChanges: 2 }, { ...synced, pendingChanges: 3 }]
    const status = from(INITIAL_STATUS, { state: { kind: "offline" }, documents })
    assert.equal(status.pendingDocuments, 2)
    assert.equal(status.pendingChanges, 5)
    assert.equal(status.uploading, false, "nothing goes up without a connection")
    assert.equal(from(status, { state: connected, documents }).uploading, true)
  })

  test("does not call uploading what the server refuses", () => {
    const documents = [{ pendingChanges: 1, isStuck: true, isBehind: false }]
    const status = from(INITIAL_STATUS, { state: connected, documents })
    assert.equal(status.uploading, false)
    assert.equal(status.pendingChanges, 1)
    assert.equal(status.hasSynced, false)
  })

  test("has synced only when connected, with nothing to go up or down", () => {
    const offline = from(INITIAL_STATUS, { state: { kind: "offline" }, documents: [synced] })
    assert.equal(offline.hasSynced, false)
    const behind = from(offline, { state: connected, documents: [{ ...synced, isBehind: true }] })
    assert.equal(behind.downloading, true)
    assert.equal(behind.hasSynced, false)
    const status = from(behind, { state: connected, documents: [synced], nowMs: 3_000 })
    assert.equal(status.hasSynced, true)
    assert.equal(status.lastSyncedAt, 3_000)
    const later = from(status, { state: { kind: "offline" }, nowMs: 4_000 })
    assert.equal(later.lastSyncedAt, 4_000, "until then they had the same")
    assert.equal(later.hasSynced, true)
    assert.equal(from(later, { state: { kind: "connecting" }, nowMs: 5_000 }).lastSyncedAt, 4_000)
  })

  test("keeps the last error until everything comes into sync, and shows one that comes behind that", () => {
    const error = { code: "connection", message: "gone" }
    const waiting = from(INITIAL_STATUS, { state: { kind: "offline" }, lastError: error })
    assert.equal(waiting.lastError, error)
    const status = from(waiting, { state: connected, lastError: error })
    assert.equal(status.lastError, null)
    assert.equal(from(status, { state: connected, lastError: error }).lastError, error)
  })
})

describe("a browser", () => {
  class FakePage extends EventTarget {
    visibilityState = "hidden"
  }

  test("wakes when it is online again, and when the page is looked at again", () => {
    const source = { window: new EventTarget(), document: new FakePage() }
    let wakes = 0
    const stop = onWakeUp(() => (wakes += 1), source)
    source.window.dispatchEvent(new Event("online"))
    assert.equal(wakes, 1)
    source.document.dispatchEvent(new Event("visibilitychange"))
    assert.equal(wakes, 1, "a page that is hidden is no reason")
    source.document.visibilityState = "visible"
    source.document.dispatchEvent(new Event("visibilitychange"))
    assert.equal(wakes, 2)
    stop()
    source.window.dispatchEvent(new Event("online"))
    assert.equal(wakes, 2)
  })
})
