/** Types that a browser runs or renders with script in them, if it opens them in spite of the disposition. */
const ACTIVE = /html|xml|svg|script|pdf|x-shockwave-flash/i
const MEDIA_TYPE = /^[A-Za-z0-9!#$&^_.+-]+\/[A-Za-z0-9!#$&^_.+-]+$/

/** The media type without parameters, or `application/octet-stream` for one that could act or is malformed. */
export function harmlessType(contentType: string): string {
  const type = contentType.split(';', 1)[0]?.trim() ?? ''
  return MEDIA_TYPE.test(type) && !ACTIVE.test(type) ? type.toLowerCase() : 'application/octet-stream'
}

/** `attachment` with the name in both forms of RFC 6266 section 4.3; the UTF-8 one as in RFC 8187 section 3.2. */
export function attachmentDisposition(filename: string): string {
  const name = Array.from(filename.toWellFormed().replace(/[\p{Cc}/\\]/gu, '_'))
    .slice(0, 200)
    .join('')
  const plain = name.replace(/[^ -~]|["%]/g, '_')
  const encoded = encodeURIComponent(name).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
  return plain === name
    ? `attachment; filename="${plain}"`
    : `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`
}
