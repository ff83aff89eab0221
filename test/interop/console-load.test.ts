/** The list of 10,000 messages: how smoothly it scrolls, and how soon a message that arrives is seen. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { ok, until } from '../flows/support/ask.ts'
import type { Page } from './browser.ts'
import { type ConsoleRig, rowOf, startConsole } from './console-rig.ts'

const MESSAGES = 10_000
const SENDERS = 24
const SEEN_MS = 1000
/** Rows of the document at most, whatever the length of the list. */
const MAX_ROWS = 80
/** A frame that is longer is seen as a jerk. The machine of the tests may be slow, hence not 50 ms. */
const MAX_TASK_MS = 250

let rig: ConsoleRig
let page: Page
before(async () => {
  rig = await startConsole()
  await fill(MESSAGES)
  page = await rig.open()
  page.setDefaultTimeout(30_000)
})
after(async () => {
  await rig?.[Symbol.asyncDispose]()
})

const message = (subject: string) => ({ from: 'a@kabutar.test', to: 'delivered@resend.dev', subject, text: 'x' })

async function fill(count: number): Promise<void> {
  let next = 0
  const sender = async () => {
    while (next < count) await ok(rig.resend.emails.send(message(`number ${next++}`)))
  }
  await Promise.all(Array.from({ length: SENDERS }, sender))
}

/** Observes long tasks from now on; `endObserving` answers their lengths. */
const OBSERVE = `
  window.longTasks = []
  window.taskObserver = new PerformanceObserver((list) => longTasks.push(...list.getEntries().map(({ duration }) => duration)))
  taskObserver.observe({ type: 'longtask' })
`
const endObserving = (shown: Page) =>
  shown.evaluate<readonly number[]>(`(() => { taskObserver.disconnect(); return longTasks.map(Math.round) })()`)

/** Scrolls by whole views, a view each frame, to the end of what is loaded. */
const SCROLL = `(async () => {
  const list = document.querySelector('.rows')
  let most = 0
  const frames = []
  for (let last = -1; list.scrollTop !== last; ) {
    last = list.scrollTop
    list.scrollTop += list.clientHeight
    const from = performance.now()
    await new Promise(requestAnimationFrame)
    frames.push(performance.now() - from)
    most = Math.max(most, document.querySelectorAll('.row').length)
  }
  frames.sort((a, b) => a - b)
  return { most, frames: frames.length, median: Math.round(frames[frames.length >> 1]), p99: Math.round(frames[Math.floor(frames.length * 0.99)]) }
})()`
type Scrolled = { readonly most: number; readonly frames: number; readonly median: number; readonly p99: number }

/** How many rows the list has room for. */
const ROWS = `Math.round(document.querySelector('.virtual').clientHeight / 44)`

describe(`a list of ${MESSAGES} messages`, () => {
  test('is loaded while it is scrolled', async (t) => {
    await page.getByRole('option').first().waitFor()
    await page.evaluate(OBSERVE)
    const from = Date.now()
    await until(
      'the end of the list',
      async () => {
        await page.evaluate("document.querySelector('.rows').scrollTop = 1e9")
        return (await page.evaluate<number>(ROWS)) >= MESSAGES
      },
      120,
    )
    const tasks = await endObserving(page)
    t.diagnostic(
      `all loaded in ${Date.now() - from} ms; tasks over 50 ms: ${tasks.length}, longest ${Math.max(0, ...tasks)} ms`,
    )
  })

  test('scrolls smoothly from end to end', async (t) => {
    await page.evaluate("document.querySelector('.rows').scrollTop = 0")
    await page.waitForTimeout(500)
    await page.evaluate(OBSERVE)
    const { most, frames, median, p99 } = await page.evaluate<Scrolled>(SCROLL)
    const tasks = await endObserving(page)
    t.diagnostic(
      `${frames} views, a frame takes ${median} ms (median), ${p99} ms (99 %); ${most} rows in the document; tasks over 50 ms: ${tasks.length}, longest ${Math.max(0, ...tasks)} ms`,
    )
    assert.ok(most <= MAX_ROWS, `${most} rows`)
    assert.ok(Math.max(0, ...tasks) <= MAX_TASK_MS, tasks.join(' '))
  })

  test('shows within a second what arrives, without moving what is read', async (t) => {
    const list = "document.querySelector('.rows')"
    await page.evaluate(`${list}.scrollTop = 44 * 1000`)
    await page.waitForTimeout(300)
    const before = await page.evaluate<string>(FIRST_SEEN)
    await ok(rig.resend.emails.send(message('the newest')))
    const accepted = Date.now()
    await until('the new message', async () => (await page.evaluate<number>(ROWS)) > MESSAGES)
    const seen = Date.now() - accepted
    assert.equal(await page.evaluate<string>(FIRST_SEEN), before)
    await page.evaluate(`${list}.scrollTop = 0`)
    await rowOf(page, 'the newest').waitFor()
    t.diagnostic(`in the list ${seen} ms after it was accepted`)
    assert.ok(seen <= SEEN_MS, `${seen} ms`)
  })

  test('takes a burst of 500 messages without a long task', async (t) => {
    await page.evaluate(OBSERVE)
    await fill(500)
    await until('all of them', async () => (await page.evaluate<number>(ROWS)) >= MESSAGES + 501)
    const tasks = await endObserving(page)
    t.diagnostic(`tasks over 50 ms: ${tasks.length}, longest ${Math.max(0, ...tasks)} ms`)
  })
})

/** The subject of the row at the top of the view. */
const FIRST_SEEN = `(() => {
  const box = document.querySelector('.rows').getBoundingClientRect()
  return document.elementFromPoint(box.left + 100, box.top + 20).closest('.row').querySelector('.row-subject').textContent
})()`
