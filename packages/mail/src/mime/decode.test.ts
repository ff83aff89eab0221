import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodePart } from './decode.ts'

const CASES: readonly (readonly [encoding: string, body: string, content: string])[] = [
  ['7bit', 'a=3D\r\n', 'a=3D\r\n'],
  ['binary', '\0\xff', '\0\xff'],
  ['x-uuencode', 'begin', 'begin'],
  ['base64', 'SGVs\r\nbG8=\r\n', 'Hello'],
  ['base64', 'SGVsbG8', 'Hello'],
  ['base64', 'SGV!s\0bG8=', 'Hello'],
  ['base64', 'SGVsbG8=SGVsbG8=', 'HelloHello'],
  ['base64', 'SGVsbA==\r\nbyE=', 'Hello!'],
  ['base64', '-_-_', '\xfb\xff\xbf'],
  ['base64', '', ''],
  ['base64', '====', ''],
  ['quoted-printable', 'caf=C3=a9=20', 'caf\xc3\xa9 '],
  ['quoted-printable', 'a=\r\nb=\nc', 'abc'],
  ['quoted-printable', 'a= \t\r\nb', 'ab'],
  ['quoted-printable', 'a \t\r\nb \nc ', 'a\r\nb\nc'],
  ['quoted-printable', 'a b\tc', 'a b\tc'],
  ['quoted-printable', 'a=ZZ=4', 'a=ZZ=4'],
  ['quoted-printable', 'a==3D=', 'a=='],
]

for (const [encoding, body, content] of CASES) {
  test(`${encoding}: ${JSON.stringify(body)}`, () => {
    assert.equal(Buffer.from(decodePart(Buffer.from(body, 'latin1'), encoding)).toString('latin1'), content)
  })
}
