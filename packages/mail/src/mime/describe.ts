import { ENVELOPE_FIELDS } from './envelope.ts'
import type { Fields } from './fields.ts'
import { textOf } from './header-text.ts'
import { type Params, paramOf, parseStructured, withoutComments } from './params.ts'
import type { Disposition, Part } from './part.ts'

/** The fields of a part's header. `boundary` has one character per byte. */
export type Description = Pick<
  Part,
  'type' | 'subtype' | 'params' | 'encoding' | 'id' | 'description' | 'disposition' | 'language' | 'location' | 'md5'
> & { readonly boundary: string | undefined }

export const PART_FIELDS: ReadonlySet<string> = new Set([
  'content-type',
  'content-transfer-encoding',
  'content-id',
  'content-description',
  'content-disposition',
  'content-language',
  'content-location',
  'content-md5',
])
export const MESSAGE_FIELDS: ReadonlySet<string> = new Set([...PART_FIELDS, ...ENVELOPE_FIELDS])

const TOKEN = /^[\w!#$%&'*+.^`{|}~-]+$/
const MAX_TOKEN_LENGTH = 127
const MAX_LANGUAGES = 50

/** Describes a part by its fields. In a digest the default type is message/rfc822 (RFC 2046 section 5.1.5). */
export function describe(fields: Fields, inDigest: boolean): Description {
  const media = mediaOf(fields.get('content-type')?.[0], inDigest)
  const disposition = dispositionOf(fields.get('content-disposition')?.[0])
  return {
    ...media,
    encoding: encodingOf(fields.get('content-transfer-encoding')?.[0]),
    id: value(fields, 'content-id'),
    description: value(fields, 'content-description'),
    disposition,
    language: languagesOf(value(fields, 'content-language')),
    location: value(fields, 'content-location'),
    md5: value(fields, 'content-md5'),
  }
}

const DEFAULT_PARAMS: Params = [['charset', 'us-ascii']]

function mediaOf(
  raw: string | undefined,
  inDigest: boolean,
): Pick<Description, 'type' | 'subtype' | 'params' | 'boundary'> {
  if (raw === undefined && inDigest) return { type: 'message', subtype: 'rfc822', params: [], boundary: undefined }
  // RFC 2045 section 5.2: a missing or malformed type means plain text.
  const fallback = { type: 'text', subtype: 'plain', params: DEFAULT_PARAMS, boundary: undefined }
  if (raw === undefined) return fallback
  const { value, params } = parseStructured(raw)
  const boundary = paramOf(params, 'boundary')
  const slash = value.indexOf('/')
  const [type, subtype] = [value.slice(0, Math.max(slash, 0)).trim(), value.slice(slash + 1).trim()]
  if (slash < 0 || !isToken(type) || !isToken(subtype)) return { ...fallback, params: withCharset(params) }
  return { type, subtype, params: type === 'text' && subtype === 'plain' ? withCharset(params) : params, boundary }
}

/** Adds the default character set (RFC 2046 section 4.1.2). */
function withCharset(params: Params): Params {
  return paramOf(params, 'charset') === undefined ? [...params, ...DEFAULT_PARAMS] : params
}

function isToken(text: string): boolean {
  return text.length <= MAX_TOKEN_LENGTH && TOKEN.test(text)
}

function dispositionOf(raw: string | undefined): Disposition | null {
  if (raw === undefined) return null
  const { value, params } = parseStructured(raw)
  if (isToken(value)) return { type: value, params }
  // RFC 2183 section 2.8: an unknown disposition means attachment.
  return value === '' && params.length === 0 ? null : { type: 'attachment', params }
}

function encodingOf(raw: string | undefined): string {
  const token = withoutComments(raw ?? '')
    .trim()
    .split(/[\s;]/)[0]!
    .replace(/"/g, '')
    .toLowerCase()
  return isToken(token) ? token : '7bit'
}

function languagesOf(text: string | null): readonly string[] {
  const tags = withoutComments(text ?? '')
    .split(/[\s,]+/)
    .filter((tag) => tag !== '')
  return tags.slice(0, MAX_LANGUAGES)
}

function value(fields: Fields, name: string): string | null {
  const raw = fields.get(name)?.[0]
  return raw === undefined || raw === '' ? null : textOf(raw)
}
