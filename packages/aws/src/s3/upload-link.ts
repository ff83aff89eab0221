import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { checkUpload } from '@kabutar/core/ports/blob-rules.ts'
import type { UploadOptions } from '@kabutar/core/ports/blobs.ts'

type Target = { readonly client: S3Client; readonly bucket: string }

/**
 * A presigned PUT whose signature covers Content-Length, the one way to bound what a PUT stores: S3 refuses a request
 * with another length, or with none. (A POST policy could bound it by a range, but needs a form and not a URL.)
 */
export async function uploadLink({ client, bucket }: Target, key: string, options: UploadOptions): Promise<URL> {
  checkUpload(key, options)
  const { bytes, expiresInSeconds } = options
  const command = new PutObjectCommand({ Bucket: bucket, Key: key, ContentLength: bytes })
  return new URL(await getSignedUrl(signer(client), command, { expiresIn: Math.floor(expiresInSeconds) }))
}

/** By default the SDK signs a checksum too: that of the body it sees, which is empty, so S3 would refuse every other. */
function signer({ config }: S3Client): S3Client {
  const { region, credentials, endpoint, forcePathStyle = false } = config
  return new S3Client({
    region,
    credentials,
    forcePathStyle,
    ...(endpoint !== undefined && { endpoint }),
    requestChecksumCalculation: 'WHEN_REQUIRED',
  })
}
