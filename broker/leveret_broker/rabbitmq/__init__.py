"""The Transport contract on RabbitMQ 3.10 to 4.x, without plugins.

* `transport` puts the parts together; `connection` keeps two connections up; `topology` names and declares.
* `outbox` decides what may go out next; `publisher` writes it and hears the answers; `wire` turns it into bytes.
* `consumer` takes deliveries; `listener` hands replies and control messages to callbacks; `meta` reads the record.
* `failure` translates what aiormq raises.
"""

from leveret_broker.rabbitmq.transport import RabbitTransport

__all__ = ["RabbitTransport"]
