/** URLs by which an account would reach what is private, spelled in every way: none gets a connection. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { countConnections } from '@kabutar/testing/connection-counter.ts'
import type { Address, Resolver } from '../ports/resolver.ts'
import { guardedClient } from './guarded.ts'

const V4 = `127.0.0.1 127.1 127.0.1 0x7f.1 0x7f000001 2130706433 017700000001 0177.0.0.1 127.0.0.1. 127。0。0。1 １２７.0.0.1
127%2e0%2e0%2e1 ①②⑦.⓪.⓪.① 0 0.0.0.0 0x0 00 localhost LOCALHOST localhost. a.localhost ⓛocalhost 169.254.169.254 0xa9fea9fe
2852039166 0251.0376.0251.0376 169.254.169.254. 10.0.0.1 10.1 192.168.0.1 172.16.0.1 172.31.255.255 100.64.0.1 100.100.100.200
168.63.129.16 198.18.0.1 192.0.0.1 192.0.0.192 192.0.2.1 198.51.100.1 203.0.113.1 192.88.99.1 224.0.0.1 239.255.255.255
240.0.0.1 255.255.255.255`
const V6 = `::1 :: 0:0:0:0:0:0:0:1 ::ffff:127.0.0.1 ::ffff:7f00:1 ::ffff:0:127.0.0.1 ::127.0.0.1 ::7f00:1 64:ff9b::127.0.0.1
64:ff9b::7f00:1 64:ff9b:1::7f00:1 64:ff9b::a9fe:a9fe 2002:7f00:1:: 2002:a9fe:a9fe::1 2001:0:7f00:1:: fe80::1 fe80::1%25lo
fe80::1%25eth0 febf::1 fec0::1 fc00::1 fd00::1 fd00:ec2::254 fd20:ce::254 ff02::1 2001:db8::1 3fff::1 5f00::1 100::1
::ffff:0.0.0.0 ::ffff:169.254.169.254 ::ffff:a9fe:a9fe`
const words = (text: string) => text.split(/\s+/)
/** The names of the table resolve to these addresses. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  'evil.example.org': ['127.0.0.1'],
  'evil6.example.org': ['::1'],
  'mixed.example.org': ['93.184.216.34', '127.0.0.1'],
  'meta.example.org': ['169.254.169.254'],
  'zero.example.org': ['0.0.0.0'],
  'mapped.example.org': ['::ffff:127.0.0.1'],
  'nat64.example.org': ['64:ff9b::7f00:1'],
  'll.example.org': ['fe80::1'],
  'ten.example.org': ['10.0.0.1'],
  'evil.example.org.': ['127.0.0.1'],
  'no-such-name.invalid': [],
}
const HOSTS = [...words(V4), ...words(V6).map((address) => `[${address}]`), ...Object.keys(NAMES)]
const odd = (port: number) => [
  `ftp://127.0.0.1:${port}/`,
  'file:///etc/passwd',
  `gopher://127.0.0.1:${port}/_x`,
  'javascript:alert(1)',
  'data:text/plain,x',
  'unix:/var/run/x',
  `https://user:pass@127.0.0.1:${port}/`,
  `https://example.com@127.0.0.1:${port}/`,
  `https://127.0.0.1:${port}#@example.com/`,
  `https://127.0.0.1:${port}\\@example.com/`,
  `https:\\\\127.0.0.1:${port}/`,
  `https:/127.0.0.1:${port}/`,
  `https:127.0.0.1:${port}`,
  ` https://127.0.0.1:${port}/`,
  `https://127.0.0.1:${port}/\r\nX: y`,
  `https://127.0.0.1\t:${port}/`,
  `https://127.0.\n0.1:${port}/`,
  `//127.0.0.1:${port}/`,
  `https://[::1]:${port}`,
  'https://',
  'https:///x',
  `https://${'a'.repeat(2100)}`,
  'https://127.0.0.1:99999/',
  'https://127.0.0.1:0/',
  'https://exa mple.com/',
  `wss://127.0.0.1:${port}/`,
  `HTTPS://127.0.0.1:${port}/`,
  `https://@127.0.0.1:${port}/`,
  `https://:@127.0.0.1:${port}/`,
  `https://%31%32%37.0.0.1:${port}/`,
]
/** These of them are refused where private addresses are allowed too. */
const NEVER =
  /^https?:\/\/(0|00|0x0|0\.0\.0\.0|169\.254.*|0xa9fea9fe|2852039166|0251\..*|100\.100\.100\.200|168\.63.*|198\.18.*|192\.0\..*|198\.51.*|203\.0.*|192\.88.*|2[2345]\d\..*|meta.*|zero.*|ll\..*|\[::\]|\[fe[89ab].*|\[fec0.*|\[ff.*|\[2002.*|\[2001:0:.*|\[fd00:ec2.*|\[fd20:ce.*|\[::ffff:(0\.|169|a9fe).*|\[64:ff9b::a9fe.*):\d+\//i

const loopback = countConnections()

const addressOf = (address: string): Address => ({ address, family: address.includes(':') ? 6 : 4 })
const named: Resolver = { lookup: async (name) => (NAMES[name] ?? []).map(addressOf) }
const urls = () => [
  ...HOSTS.flatMap((host) => [`https://${host}:${loopback.port}/x`, `http://${host}:${loopback.port}/x`]),
  ...odd(loopback.port),
]

/** Asks for all at once. Answers the code of each refusal, `answer` where there was none. */
async function askAll(
  targets: readonly string[],
  allowPrivate: boolean,
): Promise<readonly (readonly [string, string])[]> {
  const client = guardedClient({ clock: systemClock, resolver: named, allowPrivate, timeoutMs: 300 })
  const asked = targets.map(async (url) => {
    try {
      await client.request({ url, method: 'POST', headers: {}, body: 'x' })
      return [url, 'answer'] as const
    } catch (error) {
      return [url, (error as { readonly code?: string }).code ?? String(error)] as const
    }
  })
  const answers = await Promise.all(asked)
  client.close()
  return answers
}

test('no private URL gets a connection', async (t) => {
  const answers = await askAll(urls(), false)
  t.diagnostic(`${answers.length} URLs`)
  assert.ok(answers.length >= 200)
  const other = answers.filter(([, code]) => code !== 'blocked' && code !== 'invalid_url')
  assert.deepEqual(other, [])
  assert.equal(loopback.connections, 0)
})

test('where private ones are allowed, no link-local, metadata, multicast or unspecified one gets a connection', async (t) => {
  const targets = urls().filter((url) => NEVER.test(url))
  const answers = await askAll(targets, true)
  t.diagnostic(`${answers.length} URLs`)
  assert.ok(answers.length >= 80)
  assert.deepEqual(
    answers.filter(([, code]) => code !== 'blocked' && code !== 'invalid_url'),
    [],
  )
  assert.equal(loopback.connections, 0)
})

const REBINDINGS: readonly (readonly (readonly string[])[])[] = [
  [['93.184.216.34'], ['127.0.0.1']],
  [['127.0.0.1'], ['93.184.216.34']],
  [['93.184.216.34', '127.0.0.1']],
  [['127.0.0.1', '93.184.216.34']],
  [['::ffff:127.0.0.1']],
  [['::1']],
  [['0.0.0.0']],
  [['::']],
  [['169.254.169.254']],
  [['fe80::1%lo']],
  [['64:ff9b::7f00:1']],
  [['not-an-ip']],
  [[]],
  [['127.0.0.1 ']],
  [['0127.0.0.1']],
  [['2130706433']],
]

test('a name server that changes its answers gets no connection to what is private', async (t) => {
  let tries = 0
  const ask = async (answers: readonly (readonly string[])[]) => {
    let turn = 0
    const resolver: Resolver = { lookup: async () => answers[turn++ % answers.length]!.map(addressOf) }
    const client = guardedClient({ clock: systemClock, resolver, allowPrivate: false, timeoutMs: 150 })
    for (let n = 0; n < 2; n++) {
      tries++
      await assert.rejects(
        client.request({ url: `https://rebind.test:${loopback.port}/`, method: 'POST', headers: {}, body: 'x' }),
      )
    }
    client.close()
  }
  await Promise.all(REBINDINGS.flatMap((answers) => Array.from({ length: 20 }, () => ask(answers))))
  t.diagnostic(`${tries} requests`)
  assert.equal(tries, 640)
  assert.equal(loopback.connections, 0)
})
