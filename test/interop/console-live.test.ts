/** The list stays live: in two tabs with one request, after the tab that asks is closed, and after the server was started again. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { ok, until } from '../flows/support/ask.ts'
import { type ConsoleRig, rowOf, startConsole } from './console-rig.ts'

let rig: ConsoleRig
before(async () => {
  rig = await startConsole()
})
after(async () => {
  await rig?.[Symbol.asyncDispose]()
})

const send = (subject: string) =>
  ok(rig.resend.emails.send({ from: 'a@kabutar.test', to: 'b@far.test', subject, text: 'x' }))
/** The requests for changes that a page has made and that were answered. */
const ASKED = "performance.getEntriesByType('resource').filter(({ name }) => name.includes('/activity/changes')).length"

describe('the live list', () => {
  test('is shared between tabs, and goes on in the other when one is closed', async () => {
    await send('before')
    const context = await rig.browser.newContext()
    const [first, second] = [await context.newPage(), await context.newPage()]
    for (const page of [first, second]) {
      await page.goto(rig.server.url)
      await rowOf(page, 'before').waitFor()
    }
    await send('to both')
    for (const page of [first, second]) await rowOf(page, 'to both').waitFor()
    assert.equal(await second.evaluate<number>(ASKED), 0)
    await first.close()
    await send('to the other')
    await rowOf(second, 'to the other').waitFor()
    await until('a request of its own', async () => (await second.evaluate<number>(ASKED)) > 0)
    await context.close()
  })

  test('goes on by itself when the server was started again', async () => {
    const page = await rig.open()
    await rowOf(page, 'before').waitFor()
    await page.getByRole('button', { name: /^Live/ }).waitFor()
    await page.waitForTimeout(3000)
    await rig.server.restart()
    await send('after the start')
    await rowOf(page, 'after the start').waitFor({ timeout: 15_000 })
    await page.getByRole('button', { name: /^Live/ }).waitFor()
    await page.close()
  })

  test('says to screen readers what has come, and asks no other origin for anything', async () => {
    const page = await rig.open()
    await rowOf(page, 'before').waitFor()
    await send('for the ears')
    await page.locator('[aria-live=polite]').filter({ hasText: '1 new message' }).waitFor({ state: 'attached' })
    const others = `performance.getEntriesByType('resource').map(({ name }) => name).filter((name) => !name.startsWith(location.origin))`
    assert.deepEqual(await page.evaluate(others), [])
    await page.close()
  })
})
