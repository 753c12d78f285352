<?php
// Keeps mysqli sessions for the tests of the move: a line of JSON in, a line of JSON out
// (lib/talk.py has the words). `direct` and prepared statements use the binary protocol.
mysqli_report(MYSQLI_REPORT_OFF);
ini_set('display_errors', 'stderr');
error_reporting(E_ALL & ~E_DEPRECATED & ~E_WARNING);

class Failed extends Exception
{
}

class Session
{
    private mysqli $db;
    private array $statements = [];

    public function open(array $r): int
    {
        $this->db = mysqli_init();
        $this->db->options(MYSQLI_OPT_INT_AND_FLOAT_NATIVE, 0);
        if (!$this->db->real_connect('127.0.0.1', $r['user'], $r['password'], $r['database'], $r['port'])) {
            throw new Failed((string) mysqli_connect_error(), mysqli_connect_errno());
        }
        return $this->db->thread_id;
    }

    private function check(mixed $result, ?mysqli_stmt $statement = null): void
    {
        if ($result === false) {
            $at = $statement !== null && $statement->errno ? $statement : $this->db;
            throw new Failed($at->error, $at->errno);
        }
    }

    private function rows(mysqli_result $result): array
    {
        $columns = array_map(fn(object $f): array => [bin2hex($f->name), bin2hex($f->orgname), $f->table,
            $f->charsetnr, $f->length, $f->type, $f->flags, $f->decimals], $result->fetch_fields());
        $rows = array_map(fn(array $row): array => array_map(
            fn(mixed $v): mixed => is_string($v) ? 'x' . bin2hex($v) : (is_float($v) ? var_export($v, true) : $v),
            $row), $result->fetch_all());
        return [$columns, $rows];
    }

    public function query(string $sql): array
    {
        $parts = [];
        $this->check($this->db->multi_query($sql));
        while (true) {
            $result = $this->db->store_result();
            $part = $result ? $this->rows($result) : null;
            $this->check($this->db->errno === 0);
            $parts[] = [$part, $this->db->affected_rows, $this->db->insert_id, $this->db->warning_count,
                $this->db->info];
            if (!$this->db->more_results()) {
                return $parts;
            }
            $this->check($this->db->next_result());
        }
    }

    public function prepare(string $name, string $sql): array
    {
        $statement = $this->db->prepare($sql);
        $this->check($statement);
        $this->statements[$name] = $statement;
        return [$statement->param_count, $statement->field_count];
    }

    public function execute(string $name, mixed ...$args): array
    {
        $statement = $this->statements[$name];
        if ($args !== []) {
            $types = '';
            foreach ($args as $v) {
                $types .= is_int($v) ? 'i' : (is_float($v) ? 'd' : (is_array($v) ? 'b' : 's'));
            }
            $args = array_map(fn(mixed $v): mixed => is_array($v) ? null : $v, $args);
            $statement->bind_param($types, ...$args);
        }
        return $this->run($statement);
    }

    private function run(mysqli_stmt $statement): array
    {
        $this->check($statement->execute(), $statement);
        $parts = [];
        while (true) {
            $result = $statement->get_result();
            $this->check($statement->errno === 0, $statement);
            $parts[] = [$result ? $this->rows($result) : null, $statement->affected_rows, $statement->insert_id,
                $this->db->warning_count];
            if ($result) {
                $result->free();
            }
            if (!$statement->more_results()) {
                return $parts;
            }
            $this->check($statement->next_result(), $statement);
        }
    }

    public function direct(string $sql): array
    {
        $statement = $this->db->prepare($sql);
        if ($statement === false && in_array($this->db->errno, [1295, 1064], true)) {
            return $this->query($sql);
        }
        $this->check($statement);
        try {
            return $this->run($statement);
        } finally {
            $statement->close();
        }
    }

    public function long(string $name, int $index, array $data): string
    {
        $this->statements[$name]->send_long_data($index, hex2bin($data['hex']));
        return 'sent';
    }

    public function reset(string $name): string
    {
        $this->check($this->statements[$name]->reset(), $this->statements[$name]);
        return 'reset';
    }

    public function close(string $name): string
    {
        $this->statements[$name]->close();
        return 'closed';
    }

    public function init_db(string $schema): string
    {
        $this->check($this->db->select_db($schema));
        return 'selected';
    }

    public function change_user(string $user, string $password, ?string $schema): string
    {
        $this->check($this->db->change_user($user, $password, $schema ?? ''));
        $this->statements = [];
        return 'changed';
    }

    public function bye(): string
    {
        @$this->db->close();
        return 'bye';
    }
}

$sessions = [];
while (($line = fgets(STDIN)) !== false) {
    $r = json_decode($line, true);
    try {
        if ($r['op'] === 'open') {
            $sessions[$r['key']] = new Session();
            $value = $sessions[$r['key']]->open($r);
        } else {
            $value = $sessions[$r['key']]->{$r['op']}(...($r['args'] ?? []));
        }
        $answer = ['value' => $value];
    } catch (Failed $e) {
        $answer = ['error' => [$e->getCode(), $e->getMessage()]];
    } catch (Error $e) {
        $answer = ['error' => [0, 'php: ' . $e->getMessage()]];
    }
    echo json_encode($answer, JSON_INVALID_UTF8_SUBSTITUTE), "\n";
}
