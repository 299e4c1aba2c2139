# The image of opsloop: `docker build -t opsloop .`, then `docker run opsloop worker` (or api, apply, status …).
# Debian, because Temporal's native code needs glibc.

FROM node:22-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm install --ignore-scripts --no-audit --no-fund
COPY tsconfig.json ./
COPY scripts ./scripts
COPY migrations ./migrations
COPY src ./src
RUN npm run build

# Without the embedded PostgreSQL (optional): a container gets the address of a real one.
FROM node:22-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm install --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund

FROM node:22-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
RUN mkdir -p /etc/opsloop /var/lib/opsloop && chown node:node /var/lib/opsloop
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json opsloop.schema.json opsloop.reference.yaml ./
COPY bin ./bin
COPY migrations ./migrations
USER node
VOLUME /var/lib/opsloop
EXPOSE 7700
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=4 \
  CMD ["node", "-e", "fetch(process.env.OPSLOOP_HEALTH_URL ?? 'http://127.0.0.1:7700/healthz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "bin/opsloop.js"]
CMD ["--help"]
