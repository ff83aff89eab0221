import assert from 'node:assert/strict'
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { indexMessage, MimeIndexer } from '@kabutar/mail/mime/indexer.ts'
import { tilingFaults } from '@kabutar/mail/mime/tiling.contract.ts'
import { type Reading, readBytes } from '@kabutar/mail/read/message.ts'
import { bodyStructureOf, envelopeOf } from '@kabutar/testing/body-structure.ts'
import { type ParsedMail, simpleParser } from 'mailparser'
import { filesOf, installDebian } from './debian.ts'
import { sourcesOf } from './pypi.ts'

type Corpus = {
  readonly name: string
  readonly atLeast: number
  readonly install: () => readonly string[]
  readonly remove?: () => void
}

const CORPORA: readonly Corpus[] = [
  debian('golang-github-jhillyerd-enmime-dev', /\/testdata\/.*\.(raw|eml|golden|txt)$/, 90),
  debian('libpython3.11-testsuite', /\/test_email\/data\/msg_.*\.txt$/, 45),
  pypi('mail-parser', '4.8.0', /\/tests\/mails\/mail_/, 23),
]

function debian(name: string, pattern: RegExp, atLeast: number): Corpus {
  const install = () => {
    installDebian([name])
    return filesOf(name).filter((path) => pattern.test(path) && statSync(path).isFile())
  }
  return { name, atLeast, install }
}

function pypi(name: string, version: string, pattern: RegExp, atLeast: number): Corpus {
  let folder = ''
  const install = () => {
    folder = sourcesOf(name, version)
    const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
    const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
    return files.filter((path) => pattern.test(path))
  }
  return { name, atLeast, install, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

const NO_CHARSET = 'bytes without a usable character set are read as Windows-1252; mailparser shows damage'
const MEDIA_TYPE = 'a media type that cannot be read is plain text (RFC 2045 section 5.2); mailparser shows nothing'
const NO_DELIMITER =
  'a multipart without its delimiter is shown as it stands; mailparser shows nothing, or parts without it'
const DIGEST = 'a message of a digest has the head that people read; mailparser shows all its fields, or nothing'
const EMPTY = 'empty parts make no HTML; mailparser makes empty paragraphs'
const META = 'the character set that HTML names itself counts; mailparser takes UTF-8'
const CONVERTED =
  'HTML without a plain form, beside a plain part, is in the text too; mailparser was told to leave it out'
const NAMED = 'a text with a file name is shown, and listed as an attachment too: people save it'
const STATUS = 'a delivery status and the messages of a digest are attachments too: people save them'
const TWO_SENDERS = 'two addresses without a comma are two; mailparser takes the first'

/** Where the answer differs from mailparser's for the whole message, white space aside, and why. */
const DIFFERENCES: Readonly<Record<string, string>> = {
  'chardet-fail.raw text': NO_CHARSET,
  'chardet-success-big-5.raw text': NO_CHARSET,
  'chardet-success-iso-8859-1.raw text': NO_CHARSET,
  'mail_outlook_1 text': NO_CHARSET,
  'mail_test_2 html': NO_CHARSET,
  'non-mime-missing-charset.raw html': META,
  'empty-ctype-bad-content.raw text': MEDIA_TYPE,
  'msg_10.txt text': MEDIA_TYPE,
  'msg_14.txt text': MEDIA_TYPE,
  'msg_41.txt text': MEDIA_TYPE,
  'mail_malformed_3 text': NO_DELIMITER,
  'msg_17.txt text': NO_DELIMITER,
  'msg_25.txt text': NO_DELIMITER,
  'msg_31.txt text': NO_DELIMITER,
  'msg_40.txt html': NO_DELIMITER,
  'msg_02.txt text': DIGEST,
  'msg_28.txt text': DIGEST,
  'msg_30.txt text': DIGEST,
  'msg_08.txt html': EMPTY,
  'msg_09.txt html': EMPTY,
  'msg_12.txt html': EMPTY,
  'msg_12a.txt html': EMPTY,
  'mail_test_14 text': CONVERTED,
  'malformed-multiple-address-header-values.raw from': TWO_SENDERS,
  'malformed-multiple-address-header-values.raw attachments': NAMED,
  'inlinemultipart.raw attachments': NAMED,
  'chardet-fail.raw attachments': NAMED,
  'header-only.raw attachments': NAMED,
  'nestedmulti.raw attachments': NAMED,
  'msg_04.txt attachments': NAMED,
  'msg_44.txt attachments': NAMED,
  'mail_test_3 attachments': NAMED,
  'empty-ctype-bad-content.raw attachments': MEDIA_TYPE,
  'msg_14.txt attachments': MEDIA_TYPE,
  'msg_02.txt attachments': STATUS,
  'msg_16.txt attachments': STATUS,
  'msg_30.txt attachments': STATUS,
  'msg_34.txt attachments': STATUS,
  'msg_43.txt attachments': STATUS,
}

const squeezed = (text: string | false | null | undefined) => (text || '').replace(/\s+/g, ' ').trim()

/** Facts about a message that both tell. */
function told({ subject, from, text, html, attachments }: Reading): Readonly<Record<string, unknown>> {
  return {
    text: squeezed(text),
    html: squeezed(html),
    subject: squeezed(subject),
    from: from.map(({ address }) => address),
    attachments: attachments.length,
  }
}

function toldByPeer({ subject, from, text, html, attachments }: ParsedMail): Readonly<Record<string, unknown>> {
  return {
    text: squeezed(text),
    html: squeezed(html),
    subject: squeezed(subject),
    from: (from?.value ?? []).map(({ address }) => address ?? ''),
    attachments: attachments.length,
  }
}

const OPTIONS = { skipHtmlToText: true, skipTextLinks: true, keepCidLinks: true }

for (const { name, atLeast, install, remove } of CORPORA) {
  describe(`messages of ${name}`, () => {
    let files: readonly string[] = []
    before(() => {
      files = install()
    })
    after(() => remove?.())
    test('every file is indexed, tiled and read', async () => {
      assert.ok(files.length >= atLeast, `${files.length} files`)
      for (const path of files) {
        const raw = readFileSync(path)
        const index = indexMessage(raw)
        assert.deepEqual(tilingFaults(raw, index), [], path)
        const indexer = new MimeIndexer()
        for (let at = 0; at < raw.length; at += 97) indexer.push(raw.subarray(at, at + 97))
        assert.deepEqual(indexer.finish(), index, path)
        for (const value of [envelopeOf(index), bodyStructureOf(index)]) JSON.stringify(value)
        const { truncated, undecoded } = await readBytes(index, raw)
        assert.deepEqual([truncated, undecoded], [[], []], path)
      }
    })
    test('each answer is as mailparser gives it for the whole message, or differs for a known reason', async (t) => {
      const same: Record<string, number> = { text: 0, html: 0, subject: 0, from: 0, attachments: 0 }
      const found: string[] = []
      for (const path of files) {
        const raw = readFileSync(path)
        const peer = toldByPeer(await simpleParser(raw, OPTIONS))
        const ours = told(await readBytes(indexMessage(raw), raw))
        for (const fact of Object.keys(same)) {
          if (JSON.stringify(ours[fact]) === JSON.stringify(peer[fact])) same[fact]!++
          else found.push(`${basename(path)} ${fact}`)
        }
      }
      for (const [fact, count] of Object.entries(same)) t.diagnostic(`${fact}: ${count} of ${files.length} equal`)
      for (const key of found) t.diagnostic(`${key}: ${DIFFERENCES[key] ?? 'no reason is known'}`)
      const known = Object.keys(DIFFERENCES).filter((key) => files.some((path) => key.startsWith(`${basename(path)} `)))
      assert.deepEqual(found.toSorted(), known.toSorted())
    })
  })
}
