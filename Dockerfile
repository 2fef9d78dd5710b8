# Built once with what the lock pins, then copied into an image that has no build tools of ours.
FROM python:3.13-slim AS build
WORKDIR /src
RUN python -m venv /opt/csms-bot
COPY requirements.lock ./
RUN /opt/csms-bot/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY bot bot
COPY commands commands
RUN /opt/csms-bot/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /data csms-bot && install -d -o csms-bot -m 0700 /data
COPY --from=build /opt/csms-bot /opt/csms-bot
ENV PATH=/opt/csms-bot/bin:$PATH \
    CSMS_BOT_DATABASE=/data/csms-bot.db \
    CSMS_BOT_HTTP_HOST=0.0.0.0
USER csms-bot
WORKDIR /data
VOLUME /data
EXPOSE 3000
HEALTHCHECK --start-period=30s CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + (os.environ.get('CSMS_BOT_HTTP_PORT') or '3000') + '/healthz', timeout=3)"]
ENTRYPOINT ["csms-bot"]
CMD ["run"]
