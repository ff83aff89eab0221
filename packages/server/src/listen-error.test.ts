import assert from 'node:assert/strict'
import { test } from 'node:test'
import { listenError } from './listen-error.ts'

const CASES = [
  ['EADDRINUSE', 25, /^KABUTAR_SMTP: port 25 of ::1 is in use .* such as KABUTAR_SMTP=\[::1\]:3025 or --smtp …$/],
  ['EACCES', 25, /^KABUTAR_SMTP: port 25 may only be used by root; .* CAP_NET_BIND_SERVICE$/],
  ['EADDRNOTAVAIL', 2525, /^KABUTAR_SMTP: this machine does not have the address ::1; set one that it has/],
  ['EOTHER', 2525, /^KABUTAR_SMTP: listen EOTHER$/],
] as const
for (const [code, port, expected] of CASES) {
  test(`a listener that fails with ${code} names its setting and what to do`, () => {
    const cause = Object.assign(new Error(`listen ${code}`), { code })
    assert.match(listenError('KABUTAR_SMTP', { host: '::1', port }, cause).message, expected)
  })
}
