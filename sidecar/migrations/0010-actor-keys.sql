-- What accounts, channels and the instance sign with when they speak to other servers: made when it is first asked for.

CREATE TABLE actor_key (
    -- Whose; the instance's handle is 'peertube', which nobody may take.
    id BIGINT PRIMARY KEY REFERENCES handle (id) ON DELETE CASCADE,
    -- PKCS #8, sealed with the instance's key.
    private_key TEXT NOT NULL,
    -- SubjectPublicKeyInfo, PEM.
    public_key TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
