/* The client of the echo servers: client PORT CONNECTIONS SIZE

   Opens the connections, and says so. Then, for each line of its input, a number of
   seconds: for so long it sends a request on each connection whenever the answer to the
   last is complete, waits for all that are under way, and prints how many there were.
   Each byte of each answer is compared. Each request begins elsewhere in the pattern, so
   an answer to another connection, or to an older request, is noticed. */

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
#include <time.h>
#include <unistd.h>

enum { PERIOD = 251, CHUNK = 1 << 18, EVENTS = 1024, PATIENCE = 60 };

struct connection {
    int fd, busy;
    unsigned start;    /* where in the pattern this request begins */
    size_t sent, got;
};

static unsigned char *pattern, chunk[CHUNK];
static size_t size;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static void send_more(struct connection *c)
{
    while (c->sent < size) {
        ssize_t n = send(c->fd, pattern + c->start + c->sent, size - c->sent,
                         MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0) {
            if (errno == EAGAIN)
                return;
            die("send");
        }
        c->sent += n;
    }
}

static void begin(struct connection *c)
{
    c->start = (c->start + 7) % PERIOD;
    c->sent = c->got = 0;
    c->busy = 1;
    send_more(c);
}

static int receive(struct connection *c)  /* whether the answer is complete */
{
    while (c->got < size) {
        size_t left = size - c->got;
        ssize_t n = recv(c->fd, chunk, left < CHUNK ? left : CHUNK, MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN)
            return 0;
        if (n <= 0)
            die("recv");
        if (memcmp(chunk, pattern + c->start + c->got, n)) {
            fprintf(stderr, "a wrong byte\n");
            exit(1);
        }
        c->got += n;
    }
    return 1;
}

static long run(int poller, struct connection *all, int count, double seconds)
{
    struct epoll_event events[EVENTS];
    double end = now() + seconds;
    long done = 0;
    int busy = count;
    for (int i = 0; i < count; i++)
        begin(&all[i]);
    while (busy) {
        int ready = epoll_wait(poller, events, EVENTS, PATIENCE * 1000);
        if (ready < 1)
            die("no answer");
        for (int i = 0; i < ready; i++) {
            struct connection *c = events[i].data.ptr;
            if (!c->busy)
                continue;
            send_more(c);
            if (!receive(c))
                continue;
            done++;
            c->busy = 0;
            if (now() < end)
                begin(c);
            else
                busy--;
        }
    }
    return done;
}

static void connect_to(struct connection *c, int port, int poller)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET,
                                .data.ptr = c};
    int on = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (c->fd < 0 || connect(c->fd, (void *)&address, sizeof address))
        die("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &event))
        die("epoll_ctl");
}

int main(int argc, char **argv)
{
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    int port = atoi(argv[1]), count = atoi(argv[2]), poller = epoll_create1(0);
    struct connection *all = calloc(count, sizeof *all);
    double seconds;
    size = atol(argv[3]);
    pattern = malloc(size + PERIOD);
    for (size_t i = 0; i < size + PERIOD; i++)
        pattern[i] = i % PERIOD ^ i >> 8;
    for (int i = 0; i < count; i++) {
        all[i].start = i;
        connect_to(&all[i], port, poller);
        if (i % 64 == 63 || i == count - 1)  /* the server keeps up with us */
            run(poller, &all[i], 1, 0);
    }
    printf("connected\n");
    fflush(stdout);
    while (scanf("%lf", &seconds) == 1) {
        printf("%ld\n", run(poller, all, count, seconds));
        fflush(stdout);
    }
    return 0;
}
