/** The HTTP API on the real engine, for tests, and a call that checks every answer against OpenAPI. */
import assert from 'node:assert/strict'
import { createKey } from '@kabutar/core/accounts/keys.ts'
import { loggedChanges } from '@kabutar/core/messages/activity.ts'
import { ChangeLog, withChangeLog } from '@kabutar/core/messages/change-log.ts'
import { MAX_ANSWER_BYTES } from '@kabutar/http/answer.ts'
import { createApp } from '@kabutar/http/app.ts'
import type { Env } from '@kabutar/http/env.ts'
import { OPERATIONS } from '@kabutar/http/operations.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import type { Hono } from 'hono'
import { type TestIdentities, testIdentities } from './domains-rig.ts'
import { drainReceived, letter, type ReceiveRig, receivePorts } from './receiving-rig.ts'

export type Answer = { readonly status: number; readonly body: Record<string, unknown> }
export type Setup = {
  readonly ports: ReceiveRig & { readonly identities: TestIdentities }
  readonly app: Hono<Env>
  readonly token: string
}

export async function setup(accountId = 'a'): Promise<Setup> {
  const rig = await receivePorts()
  const changeLog = new ChangeLog({ clock: systemClock, ids: rig.ids })
  const table = withChangeLog(rig.table, changeLog)
  const ports = { ...rig, table, identities: testIdentities() }
  const { token } = await createKey(ports, accountId, { name: 'k', permission: 'full_access' })
  return {
    ports,
    app: createApp(
      { ...ports, downloads: ports.blobs },
      {
        operatorToken: 'operator',
        deadLetters: ports.deadLetters,
        inject: true,
        changes: loggedChanges(table, changeLog),
      },
    ),
    token,
  }
}

export async function call(
  { app, token }: Pick<Setup, 'app' | 'token'>,
  request: string,
  body?: unknown,
  headers = {},
): Promise<Answer> {
  const [method = '', path = ''] = request.split(' ')
  const answer = await app.request(path, {
    method,
    headers: { Authorization: `Bearer ${token}`, ...headers },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  assert.match(answer.headers.get('content-type') ?? '', /^application\/json/)
  const text = await answer.text()
  assert.ok(Buffer.byteLength(text) <= MAX_ANSWER_BYTES, `${text.length} characters`)
  const json = JSON.parse(text) as Record<string, unknown>
  if (answer.ok) assertDescribed(request, answer.status, json)
  return { status: answer.status, body: json }
}

/** Checks an answer against the OpenAPI description. */
function assertDescribed(request: string, status: number, json: unknown): void {
  const [method = '', target = ''] = request.split(' ')
  const path = (target.split('?')[0] ?? '').replace(/^\/+/, '/').replace(/(?<=.)\/$/, '')
  // The most literal path, as the router has it.
  const [operation] = OPERATIONS.filter(
    (one) => one.method === method.toLowerCase() && new RegExp(`^${one.path.replace(/:\w+/g, '[^/]+')}$`).test(path),
  ).sort((a, b) => a.path.split(':').length - b.path.split(':').length)
  assert.ok(operation, `${request} is not described`)
  assert.equal(operation.status, status)
  operation.answer.parse(json)
}

export const MAIL = { from: 'Ada <ada@kabutar.test>', to: 'bob@y.test', subject: 's', text: 't' }

const WITH_FILE = letter(
  `From: Eve <eve@far.test>
To: ada@kabutar.test
Subject: a file
Content-Type: text/plain
Content-Disposition: attachment; filename=a.txt`,
  'a file\r\n',
)

/** Mail for ada@kabutar.test, injected and received; answers its id. */
export async function receiveOne(rig: Setup, raw: string = WITH_FILE, to = 'ada@kabutar.test'): Promise<string> {
  const headers = { 'Content-Type': 'message/rfc822' }
  const { body, status } = await call(rig, `POST /emails/receiving/inject?from=eve@far.test&to=${to}`, raw, headers)
  assert.equal(status, 201, JSON.stringify(body))
  assert.deepEqual(await drainReceived(rig.ports), [])
  return body.id as string
}
