/** `call` checks that every answer is below 4.5 MB; these tests make answers that would be larger. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { call, MAIL, receiveOne, type Setup, setup } from '@kabutar/testing/http-rig.ts'
import { letter } from '@kabutar/testing/receiving-rig.ts'
import { drain } from '@kabutar/testing/sending-rig.ts'
import { within } from './answer.ts'

const MB = 1024 * 1024

async function download(rig: Setup, link: unknown): Promise<Response> {
  const { pathname, search } = new URL((link as { download_url: string }).download_url)
  return rig.app.request(pathname + search)
}

/** Compares without printing a diff of megabytes. */
const same = (a: string, b: string) => assert.ok(a === b, `${a.length} and ${b.length} characters`)

describe('a received message', () => {
  // Each of these is two characters of JSON.
  const line = `<p>${'\\'.repeat(66)}</p>\r\n`
  const large = (bytes: number) => line.repeat(Math.floor(bytes / line.length))
  const part = (type: string, body: string) => `--b\r\nContent-Type: ${type}\r\n\r\n${body}\r\n`
  const alternative = (text: string, html: string) =>
    letter(
      'Content-Type: multipart/alternative; boundary=b',
      `${part('text/plain', text)}${part('text/html', html)}--b--\r\n`,
    )

  for (const [name, text, html] of [
    ['html', 'short', large(3 * MB)],
    ['text', large(3 * MB), '<p>short</p>'],
    ['bodies', large(3 * MB), large(4 * MB)],
  ] as const) {
    test(`has a link to its ${name}, whose copy is deleted with the message`, async () => {
      const rig = await setup()
      const id = await receiveOne(rig, alternative(text, html))
      const { body } = await call(rig, `GET /emails/receiving/${id}`)
      const links = { text: body.text_link, html: body.html_link }
      for (const [field, whole] of [
        ['text', text],
        ['html', html],
      ] as const) {
        const inside = whole.length < 100
        assert.deepEqual([body[field] === null, links[field] === undefined], [!inside, inside])
        if (inside) continue
        const answer = await download(rig, links[field])
        assert.match(
          answer.headers.get('content-disposition') ?? '',
          /^attachment; filename="[0-9a-f-]{36}\.(html|txt)"/,
        )
        assert.match(answer.headers.get('content-security-policy') ?? '', /sandbox/)
        same((await answer.text()).trim().replaceAll('\r\n', '\n'), whole.trim().replaceAll('\r\n', '\n'))
      }
      assert.equal((await call(rig, `DELETE /emails/receiving/${id}`)).status, 200)
      for (const link of Object.values(links)) if (link) assert.equal((await download(rig, link)).status, 404)
    })
  }

  test('says which of its bodies are only the beginning of what was sent', async () => {
    const rig = await setup()
    const id = await receiveOne(rig, alternative('short', large(6 * MB)))
    const { body } = await call(rig, `GET /emails/receiving/${id}`)
    assert.deepEqual([body.text, body.truncated], ['short', ['html']])
  })
})

test('a received message with very long names is answered, and all its attachments are listed', async () => {
  const rig = await setup()
  const name = (n: number) => `"${'鳩'.repeat(250)}${n}"`
  const people = Array.from({ length: 1000 }, (_, n) => `"${'\u{1F54A}'.repeat(20)}" <r${n}@far.test>`).join(',\n ')
  const long = 'n'.repeat(60)
  const files = Array.from(
    { length: 950 },
    (_, n) =>
      `--b\r\nContent-Type: x/${long}\r\nContent-ID: <${'鳩'.repeat(250)}>\r\nContent-Disposition: attachment; filename=${name(n)}\r\n\r\nx\r\n`,
  )
  const fields = `Content-Type: multipart/mixed; boundary=b\nTo: ${people}\nCc: ${people}`
  const id = await receiveOne(rig, letter(fields, `${files.join('')}--b--\r\n`))
  const { body } = await call(rig, `GET /emails/receiving/${id}`)
  const shown = (body.attachments as unknown[]).length
  assert.ok(shown > 500 && shown < 950, `${shown} are shown`)
  const path = `GET /emails/receiving/${id}/attachments`
  const all = (await call(rig, path)).body.data as unknown[]
  assert.equal(all.length, 950)
})

test('a page of large rows is cut to fit, and the next page continues there', async () => {
  const rig = await setup()
  const to = Array.from({ length: 50 }, (_, n) => `"${'\\"'.repeat(170)}${n}" <r${n}@y.test>`)
  const reply_to = to.slice(0, 25)
  const headers = { 'Content-Type': 'application/json' }
  const ids: string[] = []
  for (let n = 0; n < 100; n++) {
    const { body } = await call(rig, 'POST /emails', { ...MAIL, to, reply_to, subject: '\\'.repeat(900) }, headers)
    assert.ok(body.id, JSON.stringify(body).slice(0, 300))
    ids.unshift(body.id as string)
    rig.ports.clock.advance(1000)
  }
  for (const [direction, from] of [
    ['after', ids],
    ['before', ids.toReversed()],
  ] as const) {
    const seen = [from[0]]
    let asked = 0
    for (; seen.length < 100 && asked < 20; asked++) {
      const { body } = await call(rig, `GET /emails?limit=100&${direction}=${seen.at(-1)}`)
      const page = (body.data as { id: string }[]).map(({ id }) => id)
      seen.push(...(direction === 'after' ? page : page.reverse()))
      assert.equal(body.has_more, seen.length < 100, `${seen.length} seen`)
    }
    assert.deepEqual(seen, from)
    assert.ok(asked > 1, 'a page was cut')
  }
})

test('a sent message has links to large bodies, until its content is deleted', async () => {
  const rig = await setup()
  const html = `<p>${'\u0001"\u{1F54A}'.repeat(1_000_000)}</p>`
  const { id } = (await call(rig, 'POST /emails', { ...MAIL, html })).body
  const { body } = await call(rig, `GET /emails/${id}`)
  assert.deepEqual([body.html, body.text, body.text_link], [null, 't', undefined])
  same(await (await download(rig, body.html_link)).text(), html)
  await drain(rig.ports)
  assert.equal((await call(rig, `DELETE /emails/${id}`)).status, 200)
  assert.equal((await download(rig, body.html_link)).status, 404)
  const gone = (await call(rig, `GET /emails/${id}`)).body
  assert.deepEqual([gone.html, gone.html_link], [null, undefined])
})

test('within returns the first values that fit', () => {
  assert.deepEqual(within(['aa', 'bb', 'cc'], 10), ['aa', 'bb'])
  assert.deepEqual(within(['aa', 'bb'], 100), ['aa', 'bb'])
  assert.deepEqual(within(['aa'], 3), [])
})
