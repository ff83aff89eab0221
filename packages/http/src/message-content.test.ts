/** People look at the same answers for sent and received messages. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { expireMail } from '@kabutar/core/messages/expire.ts'
import { call, MAIL, receiveOne, type Setup, setup } from '@kabutar/testing/http-rig.ts'
import { drain } from '@kabutar/testing/sending-rig.ts'

type Fields = Record<string, unknown>
const FILE = { filename: 'a.txt', content: Buffer.from('a file').toString('base64') }

async function sendFile(rig: Setup): Promise<string> {
  const { body } = await call(rig, 'POST /emails', { ...MAIL, html: '<b>t</b>', attachments: [FILE] })
  return body.id as string
}

const download = async (rig: Setup, url: unknown) => {
  const { pathname, search } = new URL(url as string)
  const answer = await rig.app.request(pathname + search)
  assert.equal(answer.status, 200)
  assert.match(answer.headers.get('content-disposition') ?? '', /^attachment/)
  return answer.text()
}

describe('the content of a message', () => {
  test('of a sent one has header, text, parts and attachments, and a link to each file', async () => {
    const rig = await setup()
    const id = await sendFile(rig)
    const { body } = await call(rig, `GET /emails/${id}/content`)
    const headers = body.headers as readonly Fields[]
    assert.equal(headers.find(({ name }) => name === 'Subject')?.value, 's')
    assert.deepEqual([body.text, body.html], ['t', true])
    const structure = body.structure as { content_type: string; parts: { content_type: string }[] }
    assert.equal(structure.content_type, 'multipart/mixed')
    assert.deepEqual(
      structure.parts.map((part) => part.content_type),
      ['multipart/alternative', 'text/plain'],
    )
    const [file] = body.attachments as readonly Fields[]
    assert.deepEqual([file?.filename, file?.size, file?.content_type], ['a.txt', 6, 'text/plain'])
    const one = await call(rig, `GET /emails/${id}/attachments/${file?.id}`)
    assert.equal(await download(rig, one.body.download_url), 'a file')
    const all = await call(rig, `GET /emails/${id}/attachments`)
    assert.equal((all.body.data as readonly Fields[]).length, 1)
  })

  test('of a received one has the same', async () => {
    const rig = await setup()
    const id = await receiveOne(rig)
    const { body } = await call(rig, `GET /emails/receiving/${id}/content`)
    const [file] = body.attachments as readonly Fields[]
    assert.deepEqual([file?.filename, file?.content_disposition], ['a.txt', 'attachment'])
    assert.equal((body.headers as readonly Fields[])[0]?.name, 'From')
  })

  test('has the names of its parts decoded, however they are written', async () => {
    const rig = await setup()
    const name = '請求書.pdf'
    const words = `=?UTF-8?B?${Buffer.from(name).toString('base64')}?=`
    const file = (disposition: string) => `--b\r\nContent-Type: application/pdf\r\n${disposition}\r\n\r\nx\r\n`
    const raw = [
      'From: eve@far.test\r\nTo: ada@kabutar.test\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n',
      `--b\r\nContent-Type: text/plain; charset=utf-8; name*=UTF-8''${encodeURIComponent(name)}\r\n\r\nt\r\n`,
      file(`Content-Disposition: attachment; filename*=UTF-8''${encodeURIComponent(name)}`),
      file(`Content-Disposition: attachment; filename="${words}"`),
      file(`Content-Disposition: attachment; filename="${name}"`),
      '--b--\r\n',
    ].join('')
    const { body } = await call(rig, `GET /emails/receiving/${await receiveOne(rig, raw)}/content`)
    const { parts } = body.structure as { parts: { filename: string | null }[] }
    assert.deepEqual(
      parts.map(({ filename }) => filename),
      [name, name, name, name],
    )
  })

  test('is gone with its copies once it was deleted', async () => {
    const rig = await setup()
    const id = await sendFile(rig)
    await drain(rig.ports)
    const source = await call(rig, `GET /emails/${id}/source`)
    const { body } = await call(rig, `GET /emails/${id}/attachments`)
    const [file] = body.data as readonly Fields[]
    assert.equal((await call(rig, `DELETE /emails/${id}`)).status, 200)
    for (const url of [source.body.download_url, file?.download_url]) {
      const { pathname, search } = new URL(url as string)
      assert.equal((await rig.app.request(pathname + search)).status, 404)
    }
    for (const path of ['content', 'source', 'attachments']) {
      assert.equal((await call(rig, `GET /emails/${id}/${path}`)).status, 404, path)
    }
    assert.equal((await call(rig, `POST /emails/${id}/send-again`)).status, 404)
  })

  test('has expired for both directions, which the message says, and every way to it answers 404', async () => {
    const rig = await setup()
    const [sent, received] = [await sendFile(rig), await receiveOne(rig)]
    await drain(rig.ports)
    rig.ports.clock.advance(9 * 86_400_000)
    const retention = { contentDays: 7 }
    assert.ok(await expireMail({ ...rig.ports, retention }, 'a', new AbortController().signal))
    const at = new Date(rig.ports.clock.now()).toISOString()
    for (const one of [`/emails/${sent}`, `/emails/receiving/${received}`]) {
      const { status, body } = await call(rig, `GET ${one}`)
      assert.deepEqual([status, body.html, body.text, body.content_expired_at], [200, null, null, at])
      assert.notEqual(body.subject, '')
      for (const path of ['content', 'source', 'attachments', 'attachments/01900000-0000-7000-8000-000000000000']) {
        const { status, body } = await call(rig, `GET ${one}/${path}`)
        assert.deepEqual([status, body.message], [404, 'The content of the email has expired.'], `${one}/${path}`)
      }
    }
    const { body } = await call(rig, `GET /emails/receiving/${received}`)
    assert.deepEqual([body.raw, body.headers, (body.attachments as readonly Fields[]).length], [null, null, 1])
    for (const list of ['/emails', '/emails/receiving']) {
      const [listed] = (await call(rig, `GET ${list}`)).body.data as readonly Fields[]
      assert.equal(listed?.content_expired_at, at)
    }
    assert.equal((await call(rig, `POST /emails/${sent}/send-again`)).status, 404)
    assert.equal((await call(rig, `POST /emails/receiving/${received}/reread`)).status, 404)
  })
})

describe('the source of a message', () => {
  test('of a sent one is what the relay gets', async () => {
    const rig = await setup()
    const id = await sendFile(rig)
    await drain(rig.ports)
    const { body } = await call(rig, `GET /emails/${id}/source`)
    const relayed = Buffer.from(rig.ports.relay.relayed[0]?.raw ?? '').toString('latin1')
    assert.deepEqual([body.source, body.size, body.truncated], [relayed, relayed.length, false])
    assert.equal(await download(rig, body.download_url), relayed)
  })

  test('of a long one is its beginning', async () => {
    const rig = await setup()
    const raw = `From: eve@far.test\r\nTo: ada@kabutar.test\r\n\r\n${'é and more\r\n'.repeat(40_000)}`
    const { body } = await call(rig, `GET /emails/receiving/${await receiveOne(rig, raw)}/source`)
    assert.deepEqual([(body.source as string).length, body.truncated], [256 * 1024, true])
    assert.equal(body.size, Buffer.byteLength(raw))
    assert.ok(
      raw.startsWith(
        Buffer.from(body.source as string, 'latin1')
          .toString()
          .slice(0, 100_000),
      ),
    )
  })
})

describe('what happened to a message', () => {
  const events = async (rig: Setup, path: string) => {
    const { body, status } = await call(rig, `GET ${path}/events`)
    assert.equal(status, 200)
    return body.data as readonly (Fields & { webhooks: readonly Fields[] })[]
  }

  test('is told by recipient, with the words of the next hop and the next attempt', async () => {
    const rig = await setup()
    Object.assign(rig.ports.relay, { host: 'mx.test' })
    rig.ports.relay.answer = () => ({
      relayId: '1',
      outcome: 'sent',
      response: '250 2.0.0 queued',
      rejected: [
        { recipient: 'no@y.test', replyCode: 550, status: '5.1.1', diagnostic: '550 5.1.1 No such user' },
        { recipient: 'later@y.test', replyCode: 450, diagnostic: '450 Busy' },
      ],
    })
    const to = ['bob@y.test', 'no@y.test', 'later@y.test']
    const { body } = await call(rig, 'POST /emails', { ...MAIL, to })
    await drain(rig.ports)
    const [accepted, ...rest] = await events(rig, `/emails/${body.id}`)
    assert.deepEqual([accepted?.type, accepted?.id, accepted?.recipients], ['accepted', null, to])
    assert.deepEqual([rest[0]?.type, rest.at(-1)?.type], ['email.sent', 'waiting'])
    const of = (type: string) => {
      const { recipients, host, response, attempt, status, reply_code } = (rest.find((one) => one.type === type) ??
        {}) as Fields
      return { recipients, host, response, attempt, status, reply_code }
    }
    const hop = { host: 'mx.test', attempt: 1 }
    const ok = { response: '250 2.0.0 queued', status: undefined, reply_code: undefined }
    assert.deepEqual(of('email.sent'), { recipients: ['bob@y.test'], ...hop, ...ok })
    const refusal = { response: '550 5.1.1 No such user', status: '5.1.1', reply_code: 550 }
    assert.deepEqual(of('email.bounced'), { recipients: ['no@y.test'], ...hop, ...refusal })
    const delay = rest.find(({ type }) => type === 'email.delivery_delayed')
    assert.ok(delay?.next_attempt_at)
    assert.deepEqual([rest.at(-1)?.recipients, rest.at(-1)?.attempt], [['later@y.test'], 2])
    assert.equal(rest.at(-1)?.next_attempt_at, delay.next_attempt_at)
  })

  test('has the webhooks that told of it, of a received message too', async () => {
    const rig = await setup()
    const endpoint = { endpoint: 'https://hook.test/', events: ['email.received', 'email.delivered'] }
    const { body: hook } = await call(rig, 'POST /webhooks', endpoint)
    const [event] = await events(rig, `/emails/receiving/${await receiveOne(rig)}`)
    assert.equal(event?.type, 'email.received')
    assert.deepEqual(event?.recipients, ['ada@kabutar.test'])
    const [webhook] = event?.webhooks ?? []
    assert.deepEqual(
      [webhook?.endpoint_id, webhook?.endpoint, webhook?.status],
      [hook.id, endpoint.endpoint, 'pending'],
    )
    assert.equal((await call(rig, `GET /emails/${hook.id}/events`)).status, 404)
  })
})

test('a message is sent again with all that it says', async () => {
  const rig = await setup()
  const { body } = await call(rig, 'POST /emails', {
    ...MAIL,
    cc: 'Kim <kim@y.test>',
    reply_to: 'help@kabutar.test',
    headers: { 'X-Order': '17' },
    tags: [{ name: 'kind', value: 'order' }],
    attachments: [FILE],
  })
  const headers = { 'Idempotency-Key': 'again' }
  const again = await call(rig, `POST /emails/${body.id}/send-again`, undefined, headers)
  const repeated = await call(rig, `POST /emails/${body.id}/send-again`, undefined, headers)
  assert.equal(again.status, 200)
  assert.notEqual(again.body.id, body.id)
  assert.equal(repeated.body.id, again.body.id)
  await drain(rig.ports)
  const [first = '', second = ''] = rig.ports.relay.relayed.map(({ raw }) => Buffer.from(raw).toString())
  const withoutIds = (text: string) =>
    text.replace(/^(Message-ID|Date): .*\r\n/gim, '').replace(/--?[\w-]*[0-9a-f]{8}[\w-]*/g, '')
  assert.equal(withoutIds(second).includes('X-Order: 17'), true)
  assert.equal(withoutIds(first).length, withoutIds(second).length)
})
