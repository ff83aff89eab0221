/** Bodies, idempotency keys, queries and paths that no SDK sends: each is answered, none with 5xx. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Answer, call, MAIL, setup } from '@kabutar/testing/http-rig.ts'

const json = (fields: object = {}) => JSON.stringify({ ...MAIL, ...fields })
/** The JSON of the mail with a member before and one behind its own. */
const around = (before: string, behind = '') => `{${before}${json().slice(1, -1)}${behind}}`

type Body = {
  readonly name: string
  readonly body: string | Uint8Array
  readonly headers?: Readonly<Record<string, string>>
  readonly status: number
}
const BODIES: readonly Body[] = [
  { name: 'half a JSON', body: '{', status: 400 },
  { name: 'nothing', body: '', status: 400 },
  { name: 'null', body: 'null', status: 422 },
  { name: 'an array', body: '[]', status: 422 },
  { name: 'a string', body: '"x"', status: 422 },
  { name: 'a number beyond all', body: '1e999', status: 422 },
  { name: 'two senders, of which the last is ours', body: around('"from":"v@b.test",'), status: 200 },
  { name: 'two senders, of which the first is ours', body: around('', ',"from":"v@b.test"'), status: 403 },
  { name: '__proto__', body: around('"__proto__":{"html":"x"},'), status: 422 },
  { name: 'constructor', body: around('"constructor":{"prototype":{"a":1}},'), status: 200 },
  {
    name: '__proto__ in an attachment',
    body: around('"attachments":[{"__proto__":{"content":"eA=="},"filename":"x"}],'),
    status: 422,
  },
  { name: 'a byte order mark', body: Buffer.from(`\ufeff${json()}`), status: 200 },
  { name: 'NUL', body: '{\0}', status: 400 },
  { name: 'a number of 100,000 digits', body: `{"from":${'9'.repeat(100_000)}}`, status: 422 },
  { name: 'a field that nobody knows', body: json({ x: 1 }), status: 200 },
  { name: 'an object for a list', body: json({ to: { length: 1, 0: 'a@b.test' } }), status: 422 },
  { name: 'a list in a list', body: json({ to: [['a@b.test']] }), status: 422 },
  {
    name: 'half of gzip',
    body: Buffer.from('1f8b08', 'hex'),
    headers: { 'Content-Encoding': 'gzip' },
    status: 415,
  },
  { name: 'text/plain', body: json(), headers: { 'Content-Type': 'text/plain' }, status: 200 },
  {
    name: 'a form',
    body: json(),
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    status: 200,
  },
  {
    name: 'UTF-16',
    body: Buffer.from(json(), 'utf16le'),
    headers: { 'Content-Type': 'application/json; charset=utf-16' },
    status: 400,
  },
  { name: 'bytes that are not UTF-8', body: Buffer.from(json({ subject: '\xff\xfe' }), 'latin1'), status: 400 },
]

/** As a client sends them: the octets of UTF-8, each a character. */
const KEYS: readonly (readonly [key: string, status: number])[] = [
  ['', 400],
  [' ', 400],
  ['a'.repeat(256), 200],
  ['a'.repeat(257), 400],
  ['é', 200],
  ['\u{1f600}'.repeat(128), 400],
]

const LISTS = ['/emails', '/emails/receiving', '/domains', '/suppressions', '/webhooks', '/api-keys']
const [FIRST, LAST] = ['00000000-0000-7000-8000-000000000000', 'ffffffff-ffff-7fff-bfff-ffffffffffff']
const QUERIES: readonly (readonly [query: string, status: number])[] = [
  ['limit=0', 422],
  ['limit=101', 422],
  ['limit=-1', 422],
  ['limit=1e1', 422],
  ['limit=', 422],
  ['limit=1&limit=2', 200],
  ['after=x', 422],
  [`after=${'a'.repeat(5000)}`, 422],
  ['before=%00', 422],
  ['after=00000000-0000-0000-0000-000000000000', 200],
  ['after=ffffffff-ffff-ffff-ffff-ffffffffffff', 200],
  ['before=ffffffff-ffff-ffff-ffff-ffffffffffff', 200],
  [`after=${FIRST}`, 200],
  [`before=${FIRST}`, 200],
  [`before=${LAST}`, 200],
  ['after=x&before=y', 422],
  ['__proto__=1', 200],
]

const PATHS: readonly (readonly [path: string, status: number])[] = [
  ['/emails/x', 422],
  ['/emails/%00', 422],
  ['/emails/__proto__', 422],
  ['/domains/x', 422],
  ['/webhooks/x/events/x', 422],
  ['/suppressions/__proto__', 422],
  ['/suppressions/%40', 422],
  [`/suppressions/${'a'.repeat(500)}@x.test`, 422],
  ['/api-keys/..', 404],
  ['/emails/receiving/x/attachments/y', 422],
]

/** The answers by name, beside those that are expected. */
type Tries = readonly (readonly [name: string, answer: Promise<Answer>, status: number])[]

async function assertAnswered(tries: Tries, count: number): Promise<void> {
  const got: string[] = []
  for (const [name, answer] of tries) got.push(`${(await answer).status} ${name.slice(0, 80)}`)
  assert.deepEqual(
    got,
    tries.map(([name, , status]) => `${status} ${name.slice(0, 80)}`),
  )
  assert.equal(tries.length, count)
}

test('22 bodies', async () => {
  const rig = await setup()
  const post = async ({ body, headers = {} }: Body): Promise<Answer> => {
    const init = { method: 'POST', headers: { Authorization: `Bearer ${rig.token}`, ...headers }, body }
    const answer = await rig.app.request('/emails', init)
    return { status: answer.status, body: (await answer.json()) as Answer['body'] }
  }
  await assertAnswered(
    BODIES.map((one) => [one.name, post(one), one.status] as const),
    22,
  )
})

test('6 idempotency keys', async () => {
  const rig = await setup()
  const send = (key: string) =>
    call(rig, 'POST /emails', MAIL, { 'Idempotency-Key': Buffer.from(key).toString('latin1') })
  await assertAnswered(
    KEYS.map(([key, status]) => [`${key.length} characters`, send(key), status] as const),
    6,
  )
})

test('17 queries of 6 lists', async () => {
  const rig = await setup()
  await assertAnswered(
    QUERIES.flatMap(([query, status]) =>
      LISTS.map((list) => [`${list}?${query}`, call(rig, `GET ${list}?${query}`), status] as const),
    ),
    102,
  )
})

test('10 paths', async () => {
  const rig = await setup()
  await assertAnswered(
    PATHS.map(([path, status]) => [path, call(rig, `GET ${path}`), status] as const),
    10,
  )
})
