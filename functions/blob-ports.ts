import { lazyBlobs } from '@kabutar/aws/lazy-blobs.ts'
import { setting } from './settings.ts'

export function blobPorts() {
  return { blobs: lazyBlobs(setting('KABUTAR_BUCKET')) }
}
