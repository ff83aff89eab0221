/** Webhooks: what is signed, and what endpoints answer. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer, type Server as NetServer } from 'node:net'
import { startWebhookReceiver } from '../flows/support/webhook-receiver.ts'
import { answered, type Case, type Check } from './case.ts'
import { api, type CaseRig, receive } from './rig.ts'

/** `email.received` of a message with this subject is verified by the SDK, svix and standardwebhooks. */
const verifies = (name: string, subject: string): Check => ({
  name,
  async run({ captures }) {
    await using receiver = await startWebhookReceiver()
    const path = '/%C3%BC?x=%C3%A4%20b'
    const endpoint = receiver.url('/ü?x=ä%20b')
    const { json } = await api(captures, 'POST', '/webhooks', { endpoint, events: ['email.received'] })
    receiver.trust(path, json.signing_secret)
    const from = '"Ünï \\"q\\"" <eve@far.test>'
    const head = `From: ${from}\r\nTo: in@kabutar.test\r\nSubject: ${subject}\r\nMessage-ID: <a"b@far.test>`
    const { id } = await receive(captures, Buffer.from(`${head}\r\n\r\nx\r\n`))
    const isIt = ({ data }: { data: object }) => 'email_id' in data && data.email_id === id
    const deliveries = await receiver.waitFor(path, (all) => all.some(({ payload }) => isIt(payload)))
    await api(captures, 'DELETE', `/webhooks/${json.id}`)
    assert.deepEqual(receiver.refused(), [])
    const found = deliveries.find(({ payload }) => isIt(payload))
    assert.ok(found && (JSON.parse(found.body).data.subject as string).isWellFormed())
  },
})

/** A port that gives every connection the same octets. */
async function speaks(answer: string): Promise<NetServer> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy())
    socket.once('data', () => socket.end(answer))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return server
}

/** `http://…/204` answers 204 without a body, and so on. */
async function answersByPath() {
  const server = createHttpServer((request, response) => {
    request.resume()
    const path = (request.url ?? '').slice(1)
    const code = Number(path) || 200
    if (path === 'big') response.end('x'.repeat(3_000_000))
    else if (path === 'gzip') response.writeHead(200, { 'content-encoding': 'gzip' }).end('not gzip')
    else response.writeHead(code, code >= 300 && code < 400 ? { location: '/200' } : {}).end()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return server
}

const urlOf = (server: NetServer) => `http://127.0.0.1:${(server.address() as AddressInfo).port}/`

const STATUSES: Readonly<Record<string, 'success' | 'pending'>> = {
  '200': 'success',
  '204': 'success',
  '299': 'success',
  '302': 'pending',
  '308': 'pending',
  '410': 'pending',
  big: 'success',
  gzip: 'success',
}
const SPOKEN: Readonly<Record<string, string>> = {
  'HTTP/1.0': 'HTTP/1.0 200 OK\r\n\r\nok',
  '103 first': 'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  'no length': 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok',
}

/** The status of one event at endpoints that answer so, once each was tried. */
async function statuses({ captures }: CaseRig): Promise<Readonly<Record<string, string>>> {
  const byPath = await answersByPath()
  const spoken = await Promise.all(
    Object.entries(SPOKEN).map(async ([name, answer]) => [name, await speaks(answer)] as const),
  )
  const endpoints = [
    ...Object.keys(STATUSES).map((path) => [path, `${urlOf(byPath)}${path}`] as const),
    ...spoken.map(([name, server]) => [name, urlOf(server)] as const),
  ]
  const made = await Promise.all(
    endpoints.map(async ([name, endpoint]) => {
      const { json } = await api(captures, 'POST', '/webhooks', { endpoint, events: ['email.received'] })
      return [name, json.id as string] as const
    }),
  )
  await receive(captures, Buffer.from('From: a@far.test\r\nSubject: s\r\n\r\nx\r\n'))
  const found = await Promise.all(made.map(async ([name, id]) => [name, await tried({ captures }, id)] as const))
  for (const [, id] of made) await api(captures, 'DELETE', `/webhooks/${id}`)
  for (const server of [byPath, ...spoken.map(([, one]) => one)]) server.close()
  byPath.closeAllConnections()
  return Object.fromEntries(found)
}

/** The status of an endpoint's only event after the first attempt. */
async function tried({ captures }: Pick<CaseRig, 'captures'>, id: string): Promise<string> {
  for (let times = 0; times < 500; times++) {
    const [event] = (await api(captures, 'GET', `/webhooks/${id}/events`)).json.data
    const attempts = event && (await api(captures, 'GET', `/webhooks/${id}/events/${event.id}/attempts`)).json.data
    // The row is there before the first attempt, so its status counts from now on alone.
    if (attempts?.length > 0) return (await api(captures, 'GET', `/webhooks/${id}/events/${event.id}`)).json.status
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return 'never tried'
}

export const WEBHOOKS: readonly Case[] = [
  {
    id: '41',
    source:
      'octokit/webhooks.js#1155, github/docs#3567, jonpulice/node-shopify-auth#2, razorpay/razorpay-dot-net#156, line/line-bot-sdk-nodejs#922',
    symptom: 'signatures over bodies with emoji, U+2028, quotes and </script> are refused',
    right: 'svix, standardwebhooks and the SDK verify the bytes as they came, and no surrogate stands alone.',
    checks: [
      verifies('emoji', '👩‍🚀 💥'),
      verifies('U+2028', 'a\u2028b'),
      verifies('a script and quotes', '</script><b>"q" \\ back'),
      verifies('a subject that is cut', '💥'.repeat(700)),
    ],
  },
  {
    id: '42',
    source: 'the kind of users of svix, Resend and n8n on 204, redirects, 410, HTTP/1.0 and interim answers',
    symptom: 'an endpoint that answers in an unusual way is tried again, or is not',
    right: 'Any 2xx is success, whatever its framing; a redirect, 410 and a broken answer are not.',
    checks: [
      answered('each endpoint once', statuses, {
        ...STATUSES,
        ...Object.fromEntries(Object.keys(SPOKEN).map((name) => [name, 'success'])),
      }),
    ],
  },
]
