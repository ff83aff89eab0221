import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { attachmentDisposition, checkLink, checkUpload } from '@kabutar/core/ports/blob-rules.ts'
import type { LinkOptions, UploadOptions } from '@kabutar/core/ports/blobs.ts'

type Target = { readonly client: S3Client; readonly bucket: string }

/**
 * Signs a GET of one object, which S3 answers as an attachment. S3 cannot send `nosniff`, so a type that a browser would
 * run becomes `application/octet-stream`.
 */
export async function downloadLink({ client, bucket }: Target, key: string, options: LinkOptions): Promise<URL> {
  checkLink(key, options)
  const command = new GetObjectCommand({
    Bucket: bucket,
    Key: key,
    ResponseContentDisposition: attachmentDisposition(options.filename),
    ResponseContentType: safeContentType(options.contentType),
    ResponseCacheControl: 'private, no-store',
  })
  return new URL(await getSignedUrl(client, command, { expiresIn: Math.floor(options.expiresInSeconds) }))
}

/**
 * Signs a PUT of exactly `bytes`: the signature covers Content-Length, so S3 refuses a request with another length or
 * none. It covers `If-None-Match: *` too, so that S3 answers 412 once the key has an object. A POST policy could bound the length by a range, but needs a form instead of a URL.
 */
export async function uploadLink({ client, bucket }: Target, key: string, options: UploadOptions): Promise<URL> {
  checkUpload(key, options)
  const { bytes, expiresInSeconds } = options
  const command = new PutObjectCommand({ Bucket: bucket, Key: key, ContentLength: bytes, IfNoneMatch: '*' })
  return new URL(await getSignedUrl(uploadSigner(client), command, { expiresIn: Math.floor(expiresInSeconds) }))
}

/** By default the SDK signs the checksum of the empty body that it sees, and S3 would refuse every other body. */
function uploadSigner({ config }: S3Client): S3Client {
  const { region, credentials, endpoint, forcePathStyle = false } = config
  return new S3Client({
    region,
    credentials,
    forcePathStyle,
    ...(endpoint !== undefined && { endpoint }),
    requestChecksumCalculation: 'WHEN_REQUIRED',
  })
}

/** Types that a browser may run if it opens them in spite of the disposition. */
const ACTIVE = /html|xml|svg|script|x-shockwave-flash/i
const MEDIA_TYPE = /^[A-Za-z0-9!#$&^_.+-]+\/[A-Za-z0-9!#$&^_.+-]+$/

/** Returns the media type without parameters; `application/octet-stream` for an active or malformed type. */
export function safeContentType(contentType: string): string {
  const type = contentType.split(';', 1)[0]?.trim() ?? ''
  return MEDIA_TYPE.test(type) && !ACTIVE.test(type) ? type.toLowerCase() : 'application/octet-stream'
}
