// amqplib: an order and its payment from Node.js, with the answers. Beside a node of leveret that has ShopOrder:
//
//     npm ci && node publisher.js 7 500
//
// What it sends is JSON to an exchange: docs/wire.md is the contract. AMQP_URL and LEVERET_NAMESPACE say where.

import process from "node:process";

import amqp from "amqplib";

const EXCHANGE = `${process.env.LEVERET_NAMESPACE ?? "leveret"}.commands`;

/**
 * Resolves to a function that publishes a command and resolves to its reply; the channel must confirm.
 *
 * A command with a message id that was used before does nothing, and is answered again: after an error or a restart,
 * publish it once more.
 */
export async function commander(channel) {
  const waiting = new Map();
  await channel.consume(
    "amq.rabbitmq.reply-to",
    ({ content, properties }) => waiting.get(properties.correlationId)?.resolve(JSON.parse(content)),
    { noAck: true },
  );
  channel.on("return", ({ properties }) => {
    const error = new Error(`nothing takes from ${EXCHANGE} yet: run a node of that namespace once`);
    waiting.get(properties.correlationId)?.reject(error);
  });
  return async (routingKey, body, messageId) => {
    const replied = new Promise((resolve, reject) => waiting.set(messageId, { resolve, reject }));
    channel.publish(EXCHANGE, routingKey, Buffer.from(JSON.stringify(body)), {
      messageId,
      correlationId: messageId,
      contentType: "application/json",
      persistent: true,
      mandatory: true,
      replyTo: "amq.rabbitmq.reply-to",
    });
    try {
      return (await Promise.all([replied, channel.waitForConfirms()]))[0];
    } finally {
      waiting.delete(messageId);
    }
  };
}

async function main(order, cents) {
  const connection = await amqp.connect(process.env.AMQP_URL ?? "amqp://localhost");
  try {
    const command = await commander(await connection.createConfirmChannel());
    const start = { id: order, tags: [`order:${order}`], arguments: { cents }, reply: "started" };
    console.log(JSON.stringify(await command("start.ShopOrder", start, `order-${order}`)));
    const payment = { tag: `order:${order}`, value: { order, cents } };
    console.log(JSON.stringify(await command("signal.ShopOrder.payments", payment, `payment-${order}`)));
  } finally {
    await connection.close();
  }
}

if (process.argv[1] === import.meta.filename) {
  await main(process.argv[2], Number(process.argv[3]));
}
