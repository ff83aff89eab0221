import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { byteArraysAsBase64 } from './byte-arrays.ts'

const read = async (text: string) => (await byteArraysAsBase64(Buffer.from(text), systemClock)).toString()

describe('byteArraysAsBase64', () => {
  const cases: readonly { name: string; text: string; becomes: string }[] = [
    { name: 'content', text: '{"content":[104,105]}', becomes: '{"content":"aGk="}' },
    { name: 'blanks', text: '{"content" :\r\n[ 104,\t105 ] }', becomes: '{"content" :\r\n"aGk=" }' },
    { name: 'an empty file', text: '{"content":[]}', becomes: '{"content":""}' },
    {
      name: 'a Buffer',
      text: '{"content":{"type":"Buffer","data":[0,255]}}',
      becomes: '{"content":{"type":"Buffer","data":"AP8="}}',
    },
    {
      name: 'two files',
      text: '[{"content":[1]},{"content":"x"},{"content":[2]}]',
      becomes: '[{"content":"AQ=="},{"content":"x"},{"content":"Ag=="}]',
    },
    { name: 'a text that looks so', text: '{"text":"\\"content\\":[1]"}', becomes: '{"text":"\\"content\\":[1]"}' },
    { name: 'a value of that name', text: '["content",[1]]', becomes: '["content",[1]]' },
    { name: 'other arrays', text: '{"content":["a"],"to":[1]}', becomes: '{"content":["a"],"to":[1]}' },
  ]
  for (const { name, text, becomes } of cases) {
    test(name, async () => assert.equal(await read(text), becomes))
  }

  for (const wrong of [
    '[256]',
    '[1,-1]',
    '[1.5]',
    '[1,,2]',
    '[1,]',
    '[1,"a"]',
    '[1e1]',
    '[1,[2]]',
    '[1',
    '[9999999999]',
  ]) {
    test(`refuses ${wrong}`, () => assert.rejects(read(`{"content":${wrong}}`), { code: 'invalid_attachment' }))
  }

  test('lets other work run while it reads a large file', async () => {
    const bytes = Buffer.alloc(4_000_000, 200)
    let turns = 0
    const ticking = setInterval(() => {
      turns += 1
    }, 0)
    const text = await read(`{"content":${JSON.stringify([...bytes])}}`)
    clearInterval(ticking)
    assert.equal(text, `{"content":"${bytes.toString('base64')}"}`)
    assert.ok(turns >= 5, `${turns} turns`)
  })
})
