import { randomUUID } from 'node:crypto'
import { sesClient } from '@kabutar/aws/ses/client.ts'
import { sesRelay } from '@kabutar/aws/ses/relay.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { durationsSetting, numberSetting, setting } from './settings.ts'

const SEND_RETRIES = '1m,5m,15m,1h,4h,8h,16h,24h'

/**
 * A Lambda function never knows whether another sandbox is at work, so no lease is void before its time. Apart from the
 * other ports, so that the client of SES is in the start of no function that does not send.
 */
export function relayPorts() {
  const relay = sesRelay(sesClient(), {
    region: setting('AWS_REGION'),
    configurationSet: setting('KABUTAR_CONFIGURATION_SET'),
    concurrency: numberSetting('KABUTAR_SEND_CONCURRENCY'),
    clock: systemClock,
  })
  return {
    relay,
    worker: { id: randomUUID(), exclusive: false },
    sendRetries: durationsSetting('KABUTAR_SEND_RETRIES', SEND_RETRIES),
  }
}
