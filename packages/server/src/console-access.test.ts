import assert from 'node:assert/strict'
import { test } from 'node:test'
import { consoleOptions } from './console-access.ts'

const SMTP_RELAY = { kind: 'smtp', host: 'relay.test', port: 25, secure: false, auth: undefined } as const
const http = (host: string) => ({ host, port: 3000 })

const CASES = [
  { name: 'loopback that captures', bound: '127.0.0.1', checked: true, open: true },
  { name: 'loopback of IPv6', bound: '::1', checked: true, open: true },
  { name: 'loopback with a smart host', bound: '127.0.0.1', relay: SMTP_RELAY, checked: true, open: false },
  {
    name: 'loopback with a public URL',
    bound: '127.0.0.1',
    publicUrl: 'https://mail.example',
    checked: true,
    open: false,
  },
  { name: 'every interface', bound: '0.0.0.0', checked: false, open: false },
  { name: 'every interface of IPv6', bound: '::', checked: false, open: false },
  { name: 'an address of the network', bound: '192.0.2.7', checked: false, open: false },
  {
    name: 'the name localhost that leads elsewhere',
    set: 'localhost',
    bound: '192.0.2.7',
    checked: false,
    open: false,
  },
] as const

for (const { name, bound, checked, open, ...rest } of CASES) {
  test(`${name}: ${checked ? 'own hosts only' : 'any host'}, ${open ? 'no key needed' : 'a key needed'}`, () => {
    const set = {
      relay: { kind: 'capture' } as const,
      publicUrl: undefined,
      httpTls: false,
      http: http(bound),
      ...rest,
    }
    const { hosts, loopback } = consoleOptions(set, { url: '', address: { host: bound, port: 3000 } }, undefined)
    assert.deepEqual([hosts !== undefined, loopback !== undefined], [checked, open])
    if (open) assert.deepEqual(loopback?.hosts, ['localhost:3000', '127.0.0.1:3000', '[::1]:3000'])
  })
}

test('the hosts are those of the address with the port that was bound, and of the public URL, which asks for a key', () => {
  const { hosts, loopback } = consoleOptions(
    {
      relay: { kind: 'capture' },
      publicUrl: 'https://mail.example',
      httpTls: false,
      http: { host: '127.0.0.9', port: 0 },
    },
    { url: 'http://127.0.0.9:80', address: { host: '127.0.0.9', port: 80 } },
    undefined,
  )
  assert.deepEqual(hosts, ['localhost', '127.0.0.1', '[::1]', '127.0.0.9', 'mail.example'])
  assert.equal(loopback, undefined)
})
