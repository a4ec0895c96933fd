/* The floor of the echo servers: an epoll loop in plain C. It prints its port. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CHUNK = 1 << 16, EVENTS = 1024 };

struct connection {
    int fd;
    char *rest;    /* what the kernel would not take */
    size_t at, length;
};

static int poller;

static void watch(struct connection *c, unsigned what, int how)
{
    struct epoll_event event = {.events = what, .data.ptr = c};
    if (epoll_ctl(poller, how, c->fd, &event))
        exit(1);
}

static void add(int fd)
{
    struct connection *c = calloc(1, sizeof *c);
    int on = 1;
    c->fd = fd;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    watch(c, EPOLLIN, EPOLL_CTL_ADD);
}

static void leave(struct connection *c)
{
    close(c->fd);
    free(c->rest);
    free(c);
}

static void flush(struct connection *c)
{
    ssize_t n = send(c->fd, c->rest + c->at, c->length - c->at, MSG_NOSIGNAL);
    if (n > 0)
        c->at += n;
    if (c->at == c->length) {
        free(c->rest);
        c->rest = NULL;
        watch(c, EPOLLIN, EPOLL_CTL_MOD);
    }
}

static void echo(struct connection *c)
{
    static char chunk[CHUNK];
    ssize_t got = recv(c->fd, chunk, CHUNK, 0), sent;
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0) {
        leave(c);
        return;
    }
    sent = send(c->fd, chunk, got, MSG_NOSIGNAL);
    if (sent == got)
        return;
    if (sent < 0)
        sent = 0;
    c->at = 0;
    c->length = got - sent;
    c->rest = malloc(c->length);
    memcpy(c->rest, chunk + sent, c->length);
    watch(c, EPOLLOUT, EPOLL_CTL_MOD);    /* and read no more until it is taken */
}

int main(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;
    struct epoll_event events[EVENTS];
    struct connection listener = {0};
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    poller = epoll_create1(0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (bind(listener.fd, (void *)&address, length) || listen(listener.fd, 4096) ||
        getsockname(listener.fd, (void *)&address, &length))
        return 1;
    watch(&listener, EPOLLIN, EPOLL_CTL_ADD);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    for (;;) {
        int ready = epoll_wait(poller, events, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            struct connection *c = events[i].data.ptr;
            if (c == &listener) {
                int fd = accept4(c->fd, NULL, NULL, SOCK_NONBLOCK);
                if (fd >= 0)
                    add(fd);
            } else if (c->rest) {
                flush(c);
            } else {
                echo(c);
            }
        }
    }
}
