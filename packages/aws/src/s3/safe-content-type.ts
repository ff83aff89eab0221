/** Types in which a browser finds script, if it opens them in spite of the disposition. */
const ACTIVE = /html|xml|svg|script|x-shockwave-flash/i
const MEDIA_TYPE = /^[A-Za-z0-9!#$&^_.+-]+\/[A-Za-z0-9!#$&^_.+-]+$/

/** The media type without parameters, or `application/octet-stream` for one that could act or is malformed. */
export function harmlessType(contentType: string): string {
  const type = contentType.split(';', 1)[0]?.trim() ?? ''
  return MEDIA_TYPE.test(type) && !ACTIVE.test(type) ? type.toLowerCase() : 'application/octet-stream'
}
