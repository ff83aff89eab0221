import { lazyBlobs } from '@kabutar/aws/s3/lazy-blobs.ts'
import { setting } from './settings.ts'

export function blobPorts() {
  return { blobs: lazyBlobs(setting('KABUTAR_BUCKET')) }
}
