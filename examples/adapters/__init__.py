"""Applications that exist already, and orders that they start and tell of payments: `python -m examples.adapters.demo`.

Each adapter needs a `Client` only, which its framework opens and closes, or nothing of leveret; workflows run in a node
elsewhere. A delivery that comes again does nothing: its id is the id of the instance or the `message_id` of the signal.
Needs their libraries: `pip install 'leveret[examples]'`. `LEVERET_URL` says where the workflows are.

shop       the workflow: an order that waits until it is paid
webhook    FastAPI: `POST /orders` starts one and answers 202 with the URL of its status
stream     FastStream: payments from a RabbitMQ queue become signals by tag
kafka      aiokafka: the same from a Kafka topic; its tests have aiokafka's own records, but no Kafka server
tasks      Celery: a task that starts one, in processes that are forked
publisher  pika: the same signals as JSON, from an application that has no leveret
node/      amqplib: starts one and signals it from Node.js, as JSON, and hears the answers
demo       the webhook, without a server
"""
