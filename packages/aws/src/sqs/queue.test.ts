import { after } from 'node:test'
import { queueContract } from '@kabutar/core/ports/queue.contract.ts'
import { startSqsS3 } from '../../../../test/aws/sqs-s3.ts'
import { sqsQueue } from './queue.ts'

const servers = await startSqsS3()
after(() => servers.close())

queueContract('SQS', async () => {
  const urls = servers.createQueues('contract', 2)
  return {
    main: sqsQueue(servers.sqs, urls.main, { maxAttempts: 2 }),
    deadLetters: sqsQueue(servers.sqs, urls.deadLetters, { maxAttempts: 99 }),
  }
})
